"""What notifications say: fields filled into templates, and nothing run.

Some fields hold what tenants or models wrote. They are brought to one line and cut, so that they
cannot pass for another part of the message.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from string import Template
from typing import Any

from pydantic_core import to_json

from activities.notifying.sending import Message, one_line
from jobs.callbacks import EventType
from jobs.channels import FIELDS, Channel
from jobs.money import amount
from jobs.notifications import TEST_EVENT
from jobs.result_links import ResultLinks
from storage import jobs
from storage.database import Database
from storage.deliveries import Delivery
from storage.jobs import JobRow

LONGEST_FIELD = 500
LONGEST_RESULT = 2000
LONGEST_TITLE = 200

BAD_NEWS = frozenset({EventType.JOB_FAILED, EventType.ENDPOINT_DISABLED})

JOB = """
Job: $job_id ($job_type)
Took: $duration
Cost: $cost
Labels: $labels
Details: $job_url
"""

TEXTS = {
    EventType.JOB_SUCCEEDED: (
        "$job_type succeeded",
        "The job has succeeded.\n\nResult: $result_url\n$result\n" + JOB,
    ),
    EventType.JOB_FAILED: (
        "$job_type failed: $error_code",
        "The job has failed.\n\n$error_code: $error_message\n" + JOB,
    ),
    EventType.JOB_CANCELED: ("$job_type was canceled", "The job was canceled.\n" + JOB),
    EventType.APPROVAL_NEEDED: (
        "$job_type needs an approval: $approval_title",
        "The job waits for somebody to decide: $approval_title\n\nUntil: $approval_deadline\n"
        "To look at it: backburner approvals show $job_id $approval_key\n\n"
        "Job: $job_id ($job_type)\nLabels: $labels\nDetails: $job_url\n",
    ),
    EventType.ENDPOINT_DISABLED: (
        "A callback endpoint was disabled",
        "Nothing is sent there any more until somebody enables it.\n\n"
        "Endpoint: $endpoint_url\nTenant: $tenant\nWhy: $endpoint_reason\n",
    ),
    TEST_EVENT: (
        "A test of Backburner",
        "Somebody wants to know whether the channel $channel works. It does.\n",
    ),
}
"""The usual title and body of each event."""


@dataclass(frozen=True)
class Author:
    """Writes messages."""

    db: Database
    links: ResultLinks

    async def message(self, channel: Channel, delivery: Delivery) -> Message:
        """Return what a delivery says to a channel.

        Raises:
            JobNotFound: The job was deleted.
        """
        fields = await self._fields(channel, delivery)
        own, (title, body) = channel.wording(delivery.event), TEXTS[delivery.event]
        return Message(
            id=str(delivery.id),
            thread=fields["job_id"] or None,
            title=one_line(Template(own.title or title).substitute(fields), LONGEST_TITLE),
            body=_filled(own.body or body, fields, shorten=own.body is None),
        )

    async def _fields(self, channel: Channel, delivery: Delivery) -> dict[str, str]:
        fields = dict.fromkeys(FIELDS, "")
        fields |= {
            "event": delivery.event,
            "tenant": delivery.tenant,
            "channel": delivery.via or "",
        }
        data = delivery.data
        if approval := data.get("approval"):
            wanted = {
                "approval_title": approval.get("title"),
                "approval_key": approval.get("key"),
                "approval_deadline": _moment(approval.get("deadline")),
            }
            fields |= _said(wanted)
        if endpoint := data.get("endpoint"):
            fields |= _said({f"endpoint_{name}": endpoint.get(name) for name in ("url", "reason")})
        if delivery.job_id is not None:
            job = await jobs.get(self.db, delivery.tenant, delivery.job_id)
            fields |= _said(_of_job(job, delivery.event)) | await self._links(
                channel, delivery, job
            )
        return fields

    async def _links(self, channel: Channel, delivery: Delivery, job: JobRow) -> dict[str, str]:
        fields = {"job_url": self.links.to(f"/api/jobs/{job.id}")}
        if delivery.event != EventType.JOB_SUCCEEDED:
            return fields
        lifetime = self.links.lifetime if channel.link_lifetime is None else channel.link_lifetime
        if lifetime:
            now = datetime.now(UTC)
            fields["result_url"] = self.links.to_result(job.tenant, job.id, now, lifetime)
        else:
            fields["result_url"] = f"{fields['job_url']}/result"
        if channel.include_result and job.result_key is None:
            result = await jobs.get_result(self.db, job.tenant, job.id)
            fields["result"] = _excerpt(result)
        return fields


def _of_job(job: JobRow, event: str) -> dict[str, Any]:
    failure = job.failure if event == EventType.JOB_FAILED else None
    took = job.completed_at - (job.started_at or job.completed_at) if job.completed_at else None
    return {
        "job_id": job.id,
        "job_type": job.type,
        "labels": ", ".join(f"{name}={value}" for name, value in job.labels.items()),
        "status": job.status,
        "duration": None if took is None else f"{took.total_seconds():.0f} s",
        "cost": None if job.cost.usd is None else f"{amount(job.cost.usd)} USD",
        "error_code": failure.code if failure else None,
        "error_message": failure.message if failure else None,
    }


def _moment(at: str | None) -> str | None:
    """Write a moment as people do, to the second."""
    return at and f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _said(values: dict[str, Any]) -> dict[str, str]:
    return {
        name: "" if value is None else one_line(str(value), LONGEST_FIELD)
        for name, value in values.items()
    }


def _excerpt(result: Any) -> str:
    text = to_json(result, indent=2).decode()
    return text if len(text) <= LONGEST_RESULT else text[:LONGEST_RESULT] + "…"


def _filled(body: str, fields: dict[str, str], *, shorten: bool) -> str:
    """Fill a body in; of our own ones, leave lines out whose fields say nothing."""
    lines = []
    for line in body.splitlines():
        named = Template(line).get_identifiers()
        if shorten and named and not any(fields[each] for each in named):
            continue
        lines.append(Template(line).substitute(fields))
    return "\n".join(lines).strip() + "\n"
