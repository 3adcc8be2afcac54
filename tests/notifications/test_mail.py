"""What each answer of a mail server means."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.notifying import mail
from activities.notifying.sending import Message, Sent, Unusable
from jobs.callbacks import AttemptError
from jobs.channels import EmailChannel
from local.ports import free_port
from tests.callbacks.certificates import Authority
from tests.notifications.mailbox import PASSWORD, USER, Mailbox, mailbox

OPS, DEV = "ops@example.com", "dev@example.com"
MESSAGE = Message("7b0f4f2e", "019ab2c4", "It worked — naïvely", "All is well.\n.\nReally.\n")
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SOON = timedelta(seconds=10)


async def sent(channel: EmailChannel, *to: str, timeout: timedelta = SOON) -> Sent:
    recipients = to or channel.to
    written = mail.written(channel, recipients, MESSAGE, NOW)
    return await mail.send(channel, recipients, written, timeout)


async def test_an_email_arrives_as_it_was_written(box: Mailbox):
    assert await sent(box.channel(), OPS, DEV) == Sent()
    [taken] = box.taken
    assert taken.to == [OPS, DEV]
    assert taken.mail["From"] == "Backburner <jobs@example.com>"
    assert taken.mail["To"] == f"{OPS}, {DEV}"
    assert taken.mail["Subject"] == MESSAGE.title
    assert taken.mail["Message-ID"] == "<7b0f4f2e@example.com>"
    assert taken.mail["References"] == "<019ab2c4@example.com>"
    assert taken.mail["Auto-Submitted"] == "auto-generated"
    assert taken.mail["Date"].datetime == NOW
    assert taken.mail.get_content().splitlines() == MESSAGE.body.splitlines()


REFUSALS = {
    "no such mailbox": ("550 5.1.1 nobody there", AttemptError.RECIPIENT_REFUSED, None),
    "greylisted": ("451 4.7.1 come back later", AttemptError.DEFERRED, (OPS,)),
}


@pytest.mark.parametrize(("answer", "error", "untold"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refused_recipient_is_told_from_one_put_off(
    box: Mailbox, answer: str, error: AttemptError, untold: tuple[str, ...] | None
):
    box.refusing[OPS] = [answer]
    found = await sent(box.channel())
    assert (found.error, found.untold) == (error, untold)
    assert found.message == f"{OPS}: {answer}"
    assert not box.taken


async def test_one_of_two_recipients_put_off_is_left(box: Mailbox):
    box.refusing[DEV] = ["450 4.2.1 mailbox busy"]
    found = await sent(box.channel(), OPS, DEV)
    assert (found.error, found.untold) == (AttemptError.DEFERRED, (DEV,))
    assert box.taken[0].to == [OPS]


async def test_one_of_two_recipients_refused_is_noted(box: Mailbox):
    box.refusing[DEV] = ["550 nobody there"]
    found = await sent(box.channel(), OPS, DEV)
    assert found == Sent(message=f"{DEV}: 550 nobody there")


CONTENT = {
    "refused": ("554 5.7.1 looks like spam", AttemptError.MESSAGE_REFUSED),
    "put off": ("452 4.3.1 no space left", AttemptError.DEFERRED),
}


@pytest.mark.parametrize(("answer", "error"), CONTENT.values(), ids=CONTENT)
async def test_a_refused_message_is_told_from_one_put_off(
    box: Mailbox, answer: str, error: AttemptError
):
    box.after_data = [answer]
    found = await sent(box.channel())
    assert found == Sent(error, answer)


async def test_a_password_travels_under_tls_alone(tmp_path: Path):
    authority = Authority()
    given: dict[str, Any] = {"user": USER, "password": PASSWORD, "host": "localhost"}
    given |= {"security": "starttls", "ca_file": authority.file(tmp_path)}
    async with mailbox(authority.server("localhost"), password=True) as box:
        assert await sent(box.channel(**given)) == Sent()
        wrong = await sent(box.channel(**given | {"password": "guess"}))
    assert wrong.error is AttemptError.AUTHENTICATION_FAILED
    assert "535" in (wrong.message or "")
    assert "guess" not in (wrong.message or "")
    assert len(box.taken) == 1


async def test_a_certificate_of_strangers_is_not_trusted(box: Mailbox):
    async with mailbox(Authority().server("localhost")) as other:
        found = await sent(other.channel(host="localhost", security="starttls"))
    assert found.error is AttemptError.TLS_FAILED
    assert not other.taken


async def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path):
    authority = Authority()
    async with mailbox(authority.server("mail.example.com")) as box:
        trusting = {"security": "starttls", "ca_file": authority.file(tmp_path)}
        found = await sent(box.channel(host="localhost", **trusting))
    assert found.error is AttemptError.TLS_FAILED


async def test_a_server_without_tls_gets_nothing(box: Mailbox):
    found = await sent(box.channel(security="starttls"))
    assert found.error is AttemptError.TLS_FAILED
    assert not box.taken


async def test_a_server_that_is_away_is_told_from_one_that_hangs(box: Mailbox):
    away = await sent(box.channel(port=free_port()))
    assert away.error is AttemptError.CONNECTION_FAILED
    box.hangs = True
    hanging = await sent(box.channel(), timeout=timedelta(seconds=0.2))
    assert hanging.error is AttemptError.TIMED_OUT


async def test_a_password_file_that_is_missing_is_the_channels_fault(tmp_path: Path):
    authority = Authority()
    async with mailbox(authority.server("localhost"), password=True) as box:
        secret = {"user": USER, "password": {"file": tmp_path / "gone"}, "host": "localhost"}
        trusting = {"security": "starttls", "ca_file": authority.file(tmp_path)}
        with pytest.raises(Unusable, match="gone"):
            await sent(box.channel(**secret, **trusting))
