"""Telling by e-mail: one conversation with a mail server, and what each of its refusals means.

Not through Apprise, which tells whether a message was sent and not why it was not: a recipient that
does not exist must not be tried for days, and one that is put off must be (RFC 5321, 4.2.1).
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path

import aiosmtplib
from aiosmtplib import SMTPRecipientsRefused, SMTPResponseException

from activities.delivering.posting import causes
from activities.notifying.secrets import secret
from activities.notifying.sending import Message, Sent, Unusable, one_line
from jobs.callbacks import AttemptError
from jobs.channels import EmailChannel

LONGEST_ANSWER = 300
"""Characters kept of what a server says."""

FIRST_PERMANENT = 500
"""Replies from here on say that trying again is of no use."""

Refusals = dict[str, tuple[int, str]]
"""What the server said about recipients that it does not take."""


def written(channel: EmailChannel, to: Sequence[str], message: Message, at: datetime) -> bytes:
    """Return an e-mail as it travels.

    Its Message-ID is the delivery's, so that a repeated one is known as such, and all e-mails about
    a job refer to one that was never sent, which makes mail programs show them together.
    """
    domain = channel.address.rpartition("@")[2]
    mail = EmailMessage(policy=WIRE)
    mail["From"] = channel.sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = message.title
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    if message.thread:
        mail["References"] = f"<{message.thread}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # keeps absence notes away (RFC 3834)
    mail.set_content(message.body)
    return mail.as_bytes()


async def send(
    channel: EmailChannel, recipients: Sequence[str], mail: bytes, timeout: timedelta
) -> Sent:
    """Hand an e-mail to the channel's server for some recipients; what goes wrong is returned.

    Raises:
        Unusable: The channel's password or certificates cannot be read.
    """
    talk = _Talk(channel, timeout.total_seconds())
    try:
        async with asyncio.timeout(talk.seconds):
            refusals = await talk.hand_over(recipients, mail)
    except SMTPRecipientsRefused as error:
        refusals = {each.recipient: (each.code, each.message) for each in error.recipients}
        return _refused(refusals, nobody_has_it=True)
    except SMTPResponseException as error:
        return Sent(talk.meaning(error), _answer(error.code, error.message))
    except (aiosmtplib.SMTPException, OSError) as error:
        words = str(error) or f"no complete conversation within {talk.seconds:g} s"
        return Sent(talk.trouble(error), one_line(words, LONGEST_ANSWER))
    return _refused(refusals, nobody_has_it=False)


@dataclass
class _Talk:
    """A conversation, and how far it came: what cannot be told from an error, that tells.

    Attributes:
        failing: What it means if the server cannot do what it is asked for at the moment.
    """

    channel: EmailChannel
    seconds: float
    failing: AttemptError = AttemptError.CONNECTION_FAILED

    async def hand_over(self, recipients: Sequence[str], mail: bytes) -> Refusals:
        channel = self.channel
        client = aiosmtplib.SMTP(
            hostname=channel.host,
            port=channel.port,
            use_tls=channel.security == "tls",
            start_tls=False,
            local_hostname=socket.gethostname(),  # the library would ask the name servers
            timeout=self.seconds,
            tls_context=_trust(channel),
        )
        try:
            await client.connect()
            if channel.security == "starttls":
                self.failing = AttemptError.TLS_FAILED
                await client.starttls()
            if channel.user is not None and channel.password is not None:
                self.failing = AttemptError.AUTHENTICATION_FAILED
                await client.login(channel.user, secret(channel.password))
            self.failing = AttemptError.BROKEN_REPLY
            refused, _ = await client.sendmail(channel.address, list(recipients), mail)
            with suppress(aiosmtplib.SMTPException):
                await client.quit()  # the server has it; how the farewell goes does not matter
        finally:
            client.close()
        return {address: (answer.code, answer.message) for address, answer in refused.items()}

    def meaning(self, error: SMTPResponseException) -> AttemptError:
        """Say what an answer of the server means."""
        if isinstance(error, aiosmtplib.SMTPConnectError | aiosmtplib.SMTPHeloError):
            return AttemptError.DEFERRED  # it takes nobody's mail at the moment
        if self.failing is not AttemptError.BROKEN_REPLY:
            return self.failing
        permanent = error.code >= FIRST_PERMANENT
        return AttemptError.MESSAGE_REFUSED if permanent else AttemptError.DEFERRED

    def trouble(self, error: Exception) -> AttemptError:
        """Say what it means that there was no answer."""
        found = list(causes(error))
        if any(isinstance(each, TimeoutError) for each in found):
            return AttemptError.TIMED_OUT
        if any(isinstance(each, ssl.SSLError) for each in found):
            return AttemptError.TLS_FAILED
        if any(isinstance(each, socket.gaierror) for each in found):
            return AttemptError.NAME_NOT_RESOLVED
        return self.failing


def _refused(refusals: Refusals, *, nobody_has_it: bool) -> Sent:
    words = "; ".join(f"{address}: {_answer(*answer)}" for address, answer in refusals.items())
    words = one_line(words, 3 * LONGEST_ANSWER)
    later = tuple(each for each, (code, _) in refusals.items() if code < FIRST_PERMANENT)
    if later:
        return Sent(AttemptError.DEFERRED, words, untold=later)
    if nobody_has_it:
        return Sent(AttemptError.RECIPIENT_REFUSED, words)
    return Sent(message=words or None)


def _trust(channel: EmailChannel) -> ssl.SSLContext | None:
    if channel.security == "none":
        return None
    try:
        return _context(channel.ca_file)
    except OSError as error:
        raise Unusable(f"the certificates in {str(channel.ca_file)!r} cannot be read") from error


@lru_cache(maxsize=16)  # loading certificates takes a tenth of a second
def _context(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def _answer(code: int, words: str) -> str:
    return one_line(f"{code} {words}", LONGEST_ANSWER)
