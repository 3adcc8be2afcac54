"""What a callback says: the body, and the headers that sign it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from jobs.callbacks import EventType
from jobs.result_links import ResultLinks
from jobs.status import JobStatus
from jobs.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from storage import jobs
from storage.database import Database
from storage.deliveries import Delivery
from storage.jobs import JobRow
from storage.secrets import Secret

LARGEST_BYTES = 20_000
"""A larger body carries a link instead of the result, as Standard Webhooks recommends."""

STATUS_TOLD: dict[str, JobStatus] = {
    EventType.JOB_SUCCEEDED: JobStatus.SUCCEEDED,
    EventType.JOB_FAILED: JobStatus.FAILED,
    EventType.JOB_CANCELED: JobStatus.CANCELED,
}
"""The status at the time of the event; in all other events of a job it goes on."""


@dataclass(frozen=True)
class Writer:
    """Writes bodies."""

    db: Database
    links: ResultLinks

    async def body_of(self, delivery: Delivery) -> bytes:
        """Return the body of a delivery."""
        head = {"type": delivery.event, "timestamp": _text(delivery.created_at)}
        if delivery.job_id is None:
            return to_json(head | delivery.data)
        job = await jobs.get(self.db, delivery.tenant, delivery.job_id)
        said = head | _of_job(job, delivery) | delivery.data
        if delivery.event != EventType.JOB_SUCCEEDED:
            return to_json(said)
        if job.result_key is None:
            result = await jobs.get_result(self.db, job.tenant, job.id)
            body = to_json({**said, "result": result})
            if len(body) <= LARGEST_BYTES:
                return body
        link = self.links.to_result(job.tenant, job.id, datetime.now(UTC))
        return to_json({**said, "result_url": link})


def signed_headers(delivery: Delivery, body: bytes, secrets: list[Secret]) -> dict[str, str]:
    """Return the headers of one attempt: the same id each time, the time and signatures of now."""
    now = datetime.now(UTC)
    signatures = (sign(each.text, str(delivery.id), now, body) for each in secrets)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Backburner",
        "Accept-Encoding": "identity",
        ID_HEADER: str(delivery.id),
        TIMESTAMP_HEADER: str(int(now.timestamp())),
        SIGNATURE_HEADER: " ".join(signatures),
    }


def _of_job(job: JobRow, delivery: Delivery) -> dict[str, Any]:
    failure = job.failure if delivery.event == EventType.JOB_FAILED else None
    return {
        "job_id": job.id,
        "root_id": job.root_id,
        "job_type": job.type,
        "labels": job.labels,
        "status": STATUS_TOLD.get(delivery.event, JobStatus.RUNNING),
        "result": None,
        "result_url": None,
        "error_code": failure.code if failure else None,
        "error_message": failure.message if failure else None,
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
