"""People hear of what they are to hear of, through the outbox, whatever the mail server says."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage

import pytest
from typer.testing import CliRunner

from backburner.cli.app import app
from jobs.callbacks import DeliveryStatus
from jobs.notifications import EVERYTHING, Notice, Occasion
from jobs.status import JobStatus
from settings import CallbackSettings
from storage import delivery_log, endpoints
from storage.endpoints import Wish
from tests.callbacks.receiver import Answer, Receiver
from tests.callbacks.test_telling import TEXT, of_job, settled
from tests.installation import HERE, TENANT, Installation, eventually, serving
from tests.notifications.mailbox import Mailbox, channels_file
from tests.workflows import approval_jobs, families  # noqa: F401 # declares them
from tests.workflows.looking import scripted, tell

OPS = Notice(channel="ops", on=EVERYTHING)

CHANNELS = """
operators = ["ops"]

[channels.ops]
type = "email"
host = "127.0.0.1"
port = {port}
security = "none"
from = "Backburner <jobs@example.com>"
to = ["ops@example.com", "boss@example.com"]
domains = ["example.com"]
"""


@asynccontextmanager
async def telling(
    house: Installation, box: Mailbox, *, pause: float = 0.05, timeout: float = 10
) -> AsyncIterator[None]:
    """Serve an installation whose channel `ops` leads to a mailbox."""
    settings = CallbackSettings(
        callback_networks=HERE,
        channels_file=channels_file(house.logs, CHANNELS.format(port=box.port)),
        callback_pauses=(timedelta(seconds=pause),) * 2,
        callback_timeout=timedelta(seconds=timeout),
        public_url="https://jobs.example.com/",
    )
    async with serving(house, callback_settings=settings):
        yield


@pytest.fixture
async def told(bare: Installation, box: Mailbox) -> AsyncIterator[Installation]:
    async with telling(bare, box):
        yield bare


async def mails(box: Mailbox, count: int = 1) -> list[EmailMessage]:
    return [each.mail for each in await box.got(count)]


async def test_a_job_that_succeeds_is_told_with_a_link_to_its_result(
    told: Installation, box: Mailbox
):
    job_id = await told.submit("summarize_text", {"text": TEXT}, notify=[OPS])
    [mail] = await mails(box)
    assert mail["Subject"] == "summarize_text succeeded"
    assert mail["References"] == f"<{job_id}@example.com>"
    body = mail.get_content()
    assert "Result: https://jobs.example.com/api/results/" in body
    assert f"https://jobs.example.com/api/jobs/{job_id}" in body
    delivery = await settled(told, job_id)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert (delivery.channel, delivery.via, delivery.url) == ("notification", "ops", None)
    assert mail["Message-ID"] == f"<{delivery.id}@example.com>"


async def test_a_job_that_fails_is_told_with_its_reason(told: Installation, box: Mailbox):
    text = scripted(TEXT, outcome="failed", error_code="invalid_prompt")
    job_id = await told.submit("summarize_text", {"text": text}, notify=[OPS])
    [mail] = await mails(box)
    failure = (await told.job(job_id)).failure
    assert failure
    assert mail["Subject"] == f"summarize_text failed: {failure.code}"
    assert failure.code in mail.get_content()
    assert "/api/results/" not in mail.get_content()


async def test_a_job_that_is_canceled_is_told(told: Installation, box: Mailbox):
    text = scripted(TEXT, outcome="stuck")
    job_id = await told.submit("summarize_text", {"text": text}, notify=[OPS])
    await eventually(lambda: told.job(job_id), lambda row: row.status is JobStatus.RUNNING)
    await tell(told, job_id, "cancel")
    [mail] = await mails(box)
    assert mail["Subject"] == "summarize_text was canceled"


async def test_an_approval_that_is_needed_is_told(told: Installation, box: Mailbox):
    ask = {"key": "plan", "title": "The plan\nBcc: all@example.com", "shown": {"steps": ["dig"]}}
    rule = OPS.model_copy(update={"on": (Occasion.APPROVAL_NEEDED,)})
    job_id = await told.submit(
        "test_asks_people", {"asks": [ask | {"timeout": 3600}]}, notify=[rule]
    )
    [mail] = await mails(box)
    assert mail["Subject"].endswith("needs an approval: The plan Bcc: all@example.com")
    assert mail["Bcc"] is None
    [command] = re.findall(r"To look at it: backburner (.*)", mail.get_content())
    words = command.split()
    assert words == ["approvals", "show", str(job_id), "plan"]
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    [until] = re.findall(r"Until: (.*)", mail.get_content())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", until.strip())
    await tell(told, job_id, "cancel")
    await told.ended(job_id)
    assert len(await of_job(told, job_id)) == 1


async def test_rules_say_of_what_people_hear(told: Installation, box: Mailbox):
    rule = OPS.model_copy(update={"on": (Occasion.FAILED,)})
    job_id = await told.submit("summarize_text", {"text": TEXT}, notify=[rule])
    await told.ended(job_id)
    assert await of_job(told, job_id) == []


async def test_children_tell_nobody_that_only_their_parent_names(told: Installation, box: Mailbox):
    ask = {"key": "plan", "title": "The plan", "shown": {}}
    child = {"job": {"id": "a", "type": "test_asks_people", "payload": {"asks": [ask]}}}
    job_id = await told.submit("pipeline", {"tree": child}, notify=[OPS])
    [mail] = await mails(box)
    assert "needs an approval" in mail["Subject"]  # of the child: it holds up the whole tree
    [asked] = await told.db.fetch("SELECT job_id, digest FROM approvals")
    await tell(told, asked["job_id"], "approve", {"digest": asked["digest"]})
    _, second = await mails(box, 2)
    assert second["Subject"] == "pipeline succeeded"
    await told.ended(job_id)
    assert await told.db.fetchval("SELECT count(*) FROM deliveries") == 2


async def test_jobs_may_choose_recipients(told: Installation, box: Mailbox):
    notice = OPS.model_copy(update={"to": ("me@example.com",)})
    await told.submit("summarize_text", {"text": TEXT}, notify=[notice])
    [taken] = await box.got()
    assert taken.to == ["me@example.com"]


async def test_those_who_have_it_do_not_get_it_again(told: Installation, box: Mailbox):
    box.refusing["boss@example.com"] = ["451 come back later"]
    job_id = await told.submit("summarize_text", {"text": TEXT}, notify=[OPS])
    delivery = await settled(told, job_id)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    first, second = box.taken
    assert (first.to, second.to) == (["ops@example.com"], ["boss@example.com"])
    assert first.mail["Message-ID"] == second.mail["Message-ID"]
    assert first.mail["To"] == second.mail["To"]
    await delivery_log.send_again(told.db, TENANT, delivery.id)
    *_, third = await box.got(3)
    assert third.to == ["ops@example.com", "boss@example.com"]


async def test_a_recipient_who_does_not_exist_is_given_up_at_once(told: Installation, box: Mailbox):
    box.refusing["me@example.com"] = ["550 nobody there"]
    notice = OPS.model_copy(update={"to": ("me@example.com",)})
    job_id = await told.submit("summarize_text", {"text": TEXT}, notify=[notice])
    delivery = await settled(told, job_id)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.ABANDONED, 1)
    assert delivery.last_error == "recipient_refused"


async def test_a_channel_that_is_gone_uses_up_its_attempts(told: Installation):
    gone = OPS.model_copy(update={"channel": "gone"})
    job_id = await told.submit("summarize_text", {"text": TEXT}, notify=[gone])
    delivery = await settled(told, job_id)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.EXHAUSTED, 3)
    assert delivery.last_error == "channel_unknown"


async def test_operators_hear_of_a_disabled_endpoint(
    told: Installation, box: Mailbox, receiver: Receiver
):
    receiver.usually = Answer(410)
    await endpoints.insert(told.db, TENANT, Wish(receiver.url))
    await told.submit("summarize_text", {"text": TEXT})
    [mail] = await mails(box)
    assert mail["Subject"] == "A callback endpoint was disabled"
    assert receiver.url in mail.get_content()
    assert "gone" in mail.get_content()


async def test_nothing_of_a_channel_is_in_the_history(told: Installation, box: Mailbox):
    job_id = await told.submit("summarize_text", {"text": TEXT}, notify=[OPS])
    delivery = await settled(told, job_id)
    history = await told.client.get_workflow_handle(str(delivery.id)).fetch_history()
    assert "example.com" not in history.to_json()


async def test_a_message_outlives_the_worker_that_could_not_send_it(
    bare: Installation, box: Mailbox
):
    box.hangs = True
    async with telling(bare, box, timeout=0.5, pause=3):
        job_id = await bare.submit("summarize_text", {"text": TEXT}, notify=[OPS])
        await eventually(lambda: of_job(bare, job_id), lambda rows: rows and rows[0].attempts == 1)
    box.hangs = False
    async with telling(bare, box):
        delivery = await settled(bare, job_id)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert {each.mail["Message-ID"] for each in box.taken} == {f"<{delivery.id}@example.com>"}
