"""A mail server for tests: it speaks SMTP, keeps what it takes, and refuses as told."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from jobs.channels import EmailChannel
from tests.installation import eventually

USER, PASSWORD = "backburner", "correct horse"


@dataclass(frozen=True)
class Taken:
    """One e-mail, with the recipients of its envelope."""

    to: list[str]
    mail: EmailMessage


@dataclass
class Mailbox:
    """What a test holds in its hand.

    Attributes:
        refusing: What to answer to a recipient, each time; an answer is used once.
        after_data: What to answer to the next e-mails instead of taking them.
    """

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    refusing: dict[str, list[str]] = field(default_factory=dict)
    after_data: list[str] = field(default_factory=list)
    hangs: bool = False

    async def handle_RCPT(  # noqa: N802 # the server's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.hangs:
            await asyncio.Event().wait()
        if answers := self.refusing.get(address):
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 # the server's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.after_data:
            return self.after_data.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.taken.append(Taken(envelope.rcpt_tos, mail))
        return "250 OK"

    async def got(self, count: int = 1) -> list[Taken]:
        """Wait until so many e-mails have come."""

        async def look() -> list[Taken]:
            return self.taken

        return await eventually(look, lambda found: len(found) >= count)

    def channel(self, **fields: Any) -> EmailChannel:
        """Return a channel that leads here."""
        usual = {"type": "email", "host": "127.0.0.1", "port": self.port, "security": "none"}
        usual |= {"from": "Backburner <jobs@example.com>", "to": ["ops@example.com"]}
        return EmailChannel.model_validate(usual | fields)


def _knows(server: SMTP, session: Session, envelope: Envelope, way: str, given: Any) -> AuthResult:
    good = isinstance(given, LoginPassword) and given == LoginPassword(
        USER.encode(), PASSWORD.encode()
    )
    return AuthResult(success=good, handled=good)


@asynccontextmanager
async def mailbox(
    tls: ssl.SSLContext | None = None, *, password: bool = False
) -> AsyncIterator[Mailbox]:
    """Serve a mailbox on a free port for as long as the block lasts."""
    box = Mailbox()
    loop = asyncio.get_running_loop()
    made: list[SMTP] = []

    def conversation() -> SMTP:
        made.append(
            SMTP(
                box,
                hostname="mail.example.com",
                tls_context=tls,
                auth_required=password,
                authenticator=_knows if password else None,
                loop=loop,
            )
        )
        return made[-1]

    server = await loop.create_server(conversation, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        for each in made:
            if isinstance(each.transport, asyncio.WriteTransport):
                each.transport.abort()
        await server.wait_closed()


def channels_file(folder: Path, text: str) -> Path:
    """Write a file of channels."""
    path = folder / "channels.toml"
    path.write_text(text, encoding="utf-8")
    return path
