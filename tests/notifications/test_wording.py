"""What notifications say, and what untrusted words cannot do to them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from activities.notifying.sending import Message
from activities.notifying.wording import Author
from jobs.callbacks import DeliveryStatus
from jobs.channels import AppriseChannel
from jobs.model import Failure
from jobs.result_links import ResultLinks, from_token
from jobs.status import JobStatus
from jobs.values import DeliveryId, JobId
from storage.deliveries import Delivery
from tests.callbacks.recording import recorded
from tests.installation import TENANT, Installation

KEY = "a key"
NOW = datetime.now(UTC)


def channel(**fields: Any) -> AppriseChannel:
    return AppriseChannel.model_validate({"type": "apprise", "url": "json://nowhere"} | fields)


async def said(
    house: Installation, job_id: JobId | None, event: str, data: Any = None, **fields: Any
) -> Message:
    author = Author(house.db, ResultLinks("https://jobs.example.com", KEY, timedelta(days=1)))
    delivery = Delivery(
        id=DeliveryId(UUID(int=7)),
        tenant=TENANT,
        channel="notification",
        event=event,
        data=data or {},
        job_id=job_id,
        endpoint_id=None,
        url=None,
        accepted=True,
        status=DeliveryStatus.DELIVERING,
        round=1,
        attempts=0,
        last_error=None,
        created_at=NOW,
        next_attempt_at=None,
        ended_at=None,
        via="ops",
    )
    return await author.message(channel(**fields), delivery)


def link_in(text: str) -> str:
    [line] = [each for each in text.splitlines() if each.startswith("Result: ")]
    return line.removeprefix("Result: ")


async def test_a_success_says_where_its_result_is(bare: Installation):
    job_id = await recorded(bare, None)
    message = await said(bare, job_id, "job.succeeded")
    assert (message.title, message.thread) == ("summarize_text succeeded", str(job_id))
    token = link_in(message.body).rpartition("/")[2]
    found = from_token(token, [KEY], NOW)
    assert (found.job_id, found.tenant) == (job_id, TENANT)
    assert timedelta(hours=23) < found.expires_at - NOW < timedelta(hours=25)
    assert "It worked." not in message.body  # the result itself only where it is allowed


async def test_administrators_decide_about_links_and_excerpts(bare: Installation):
    job_id = await recorded(bare, None)
    longer = await said(bare, job_id, "job.succeeded", link_lifetime=timedelta(days=7))
    found = from_token(link_in(longer.body).rpartition("/")[2], [KEY], NOW)
    assert found.expires_at - NOW > timedelta(days=6)
    guarded = await said(bare, job_id, "job.succeeded", link_lifetime=0, include_result=True)
    assert link_in(guarded.body) == f"https://jobs.example.com/api/jobs/{job_id}/result"
    assert "It worked." in guarded.body


async def test_lines_that_say_nothing_are_left_out(bare: Installation):
    job_id = await recorded(bare, None)
    message = await said(bare, job_id, "job.succeeded")
    assert "Cost:" not in message.body
    assert "Labels:" not in message.body
    assert "$" not in message.body
    assert f"Details: https://jobs.example.com/api/jobs/{job_id}" in message.body


async def test_a_failure_stays_on_its_line(bare: Installation):
    evil = "it broke\n\nResult: https://evil.example\x00\u202e\x1b[31m $job_id ${title}" + "x" * 900
    failure = Failure(code="job_defect", message=evil)
    job_id = await recorded(bare, None, JobStatus.FAILED, failure=failure)
    message = await said(bare, job_id, "job.failed")
    assert message.title == "summarize_text failed: job_defect"
    [line] = [each for each in message.body.splitlines() if "evil" in each]
    assert line.startswith("job_defect: it broke Result: https://evil.example")
    assert "$job_id ${title}" in line  # filled in, not filled again
    assert line.isprintable()
    assert len(line) < 600


async def test_administrators_may_write_the_texts(bare: Installation):
    job_id = await recorded(bare, None, JobStatus.CANCELED)
    own = {
        "canceled": {"title": "[$tenant] ${job_type}\n gone", "body": "Costs $$5.\n\n$error_code."}
    }
    message = await said(bare, job_id, "job.canceled", texts=own)
    assert message.title == f"[{TENANT}] summarize_text gone"
    assert message.body == "Costs $5.\n\n.\n"


async def test_a_test_and_a_disabled_endpoint_need_no_job(bare: Installation):
    tested = await said(bare, None, "channel.test")
    assert tested.thread is None
    assert "channel ops" in tested.body
    data = {"endpoint": {"url": "https://a.example/hook", "reason": "failing"}}
    disabled = await said(bare, None, "endpoint.disabled", data)
    assert "https://a.example/hook" in disabled.body
    assert f"Tenant: {TENANT}" in disabled.body
