"""Channels: the addresses of people, as administrators configure them.

The file that holds them is TOML; `docs/howto/notifications.md` shows one. Whoever writes it is
trusted: a channel may lead anywhere, also into the network of the installation. Tenants only name
channels, and what they may add are recipients in domains that the channel allows.
"""

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from jobs.callbacks import EventType
from jobs.errors import ChannelNotFound, RecipientNotAllowed
from jobs.notifications import (
    EVERYTHING,
    ChannelName,
    ChannelUse,
    EmailAddress,
    Notice,
    Occasions,
    Recipients,
)
from jobs.values import Strict, Tenant
from jobs.wording import said

FIELDS = (
    *("event", "tenant", "channel", "job_id", "job_type", "labels", "status", "duration", "cost"),
    *("error_code", "error_message", "approval_title", "approval_key", "approval_deadline"),
    *("endpoint_url", "endpoint_reason", "job_url", "result_url", "result"),
)
"""What a text may hold, as `$name`; a field that says nothing about an event is empty there."""

TextName = Literal["succeeded", "failed", "canceled", "approval_needed", "disabled", "test"]
"""Events by the second half of their name."""

ADDRESS: TypeAdapter[str] = TypeAdapter(EmailAddress)


class _Configured(Strict):
    # What is wrong is told without the value, which may be a secret.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SecretFile(_Configured):
    """A secret that stands in a file of its own, and is read whenever it is needed."""

    file: Path


Secret = SecretStr | SecretFile


class Wording(_Configured):
    """The text of a message, for `string.Template`: fields are filled in and nothing is run."""

    title: str | None = None
    body: str | None = None

    @field_validator("title", "body")
    @classmethod
    def _names_fields(cls, text: str | None) -> str | None:
        template = Template(text or "")
        if not template.is_valid():
            raise ValueError("a $ stands alone; write $$ for the character itself")
        if unknown := sorted(set(template.get_identifiers()) - set(FIELDS)):
            there_are = ", ".join(FIELDS)
            raise ValueError(f"no field {', '.join(unknown)}; there are {there_are}")
        return text


class _Channel(_Configured):
    """What all channels have.

    Attributes:
        description: For those who choose one.
        on: What its people hear of, unless a job says otherwise.
        tenants: Whose jobs may name it; empty means all.
        include_result: Whether the field `$result` holds the beginning of the result. It is what a
            model wrote, so nobody should trust it.
        link_lifetime: How long the signed link to a result works; zero makes links that need a
            token. None takes the setting.
        texts: Titles and bodies that differ from the usual ones, by event.
    """

    description: str = Field(default="", max_length=200)
    on: Occasions = EVERYTHING
    tenants: tuple[str, ...] = ()
    include_result: bool = False
    link_lifetime: timedelta | None = Field(default=None, ge=timedelta(0), le=timedelta(days=90))
    texts: dict[TextName, Wording] = {}

    def wording(self, event: str) -> Wording:
        """Return what differs from the usual text of an event."""
        kind = event.rpartition(".")[2]
        return next((text for name, text in self.texts.items() if name == kind), Wording())

    def serves(self, tenant: Tenant) -> bool:
        """Tell whether a tenant's jobs may name it."""
        return not self.tenants or tenant in self.tenants


class EmailChannel(_Channel):
    """People with mailboxes.

    Attributes:
        host: The mail server.
        port: By default 587 with `starttls`, 465 with `tls`, 25 with `none`.
        security: `starttls`, `tls` from the first byte, or `none`, which takes no password.
        ca_file: Who vouches for the server's certificate; None trusts what the system trusts.
        sender: The From, with or without a name.
        to: Who gets the messages.
        domains: Where jobs may send them instead; empty allows nobody else.
    """

    type: Literal["email"]
    host: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: Secret | None = None
    ca_file: Path | None = None
    sender: str = Field(alias="from")
    to: Recipients = ()
    domains: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Where the messages come from, without a name."""
        return parseaddr(self.sender)[1]

    @field_validator("sender")
    @classmethod
    def _has_address(cls, sender: str) -> str:
        ADDRESS.validate_python(parseaddr(sender)[1])
        return sender

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not (self.to or self.domains):
            raise ValueError("neither `to` nor `domains`: nobody can get its messages")
        if (self.user is None) != (self.password is None):
            raise ValueError("`user` and `password` go together")
        if self.password is not None and self.security == "none":
            raise ValueError("a password needs `starttls` or `tls`")
        return self

    def allows(self, address: str) -> bool:
        """Tell whether a job may have its messages sent there."""
        allowed = {each.lower() for each in self.domains}
        return address in self.to or address.rpartition("@")[2].lower() in allowed


class AppriseChannel(_Channel):
    """Any of the services that Apprise knows: Slack, Teams and a hundred others.

    Attributes:
        url: In Apprise's notation; it holds the service's secrets.
    """

    type: Literal["apprise"]
    url: Secret


Channel = EmailChannel | AppriseChannel


class Channels(_Configured):
    """Everything that is configured.

    Attributes:
        operators: Channels that hear of what concerns the installation: disabled endpoints.
    """

    operators: tuple[ChannelName, ...] = ()
    channels: dict[ChannelName, Annotated[Channel, Field(discriminator="type")]] = {}

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what a file says.

        Raises:
            ValueError: It makes no sense; the text says where and why, and tells no secret.
        """
        try:
            return cls.model_validate(tomllib.loads(text))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{place}: {said(first)}" if place else said(first)) from None

    @model_validator(mode="after")
    def _operators_exist(self) -> Self:
        for name in self.operators:
            channel = self.channels.get(name)
            if channel is None:
                raise ValueError(f"`operators` names {name!r}, which is none of the channels")
            if isinstance(channel, EmailChannel) and not channel.to:
                raise ValueError(f"`operators` names {name!r}, which has no `to`")
        return self

    def of(self, tenant: Tenant) -> Mapping[str, Channel]:
        """Return the channels that a tenant's jobs may name."""
        return {name: each for name, each in self.channels.items() if each.serves(tenant)}

    def settled(self, tenant: Tenant, use: ChannelUse) -> Notice:
        """Return what is written down for a channel that a job names.

        Raises:
            ChannelNotFound: The tenant has no such channel.
            RecipientNotAllowed: The channel does not reach these recipients, or has none itself.
        """
        channel = self.of(tenant).get(use.channel)
        if channel is None:
            raise ChannelNotFound(f"no channel {use.channel!r}")
        if not isinstance(channel, EmailChannel):
            if use.to:
                raise RecipientNotAllowed(f"the channel {use.channel!r} takes no recipients")
        elif refused := [each for each in use.to if not channel.allows(each)]:
            raise RecipientNotAllowed(
                f"the channel {use.channel!r} does not send to {', '.join(map(repr, refused))}"
            )
        elif not (use.to or channel.to):
            raise RecipientNotAllowed(f"the channel {use.channel!r} needs recipients in `to`")
        return Notice(channel=use.channel, on=use.on or channel.on, to=use.to)

    @property
    def told_of_endpoints(self) -> list[dict[str, Any]]:
        """Who hears that an endpoint was disabled, as the outbox reads it."""
        events = [EventType.ENDPOINT_DISABLED.value]
        return [{"channel": name, "events": events, "to": []} for name in self.operators]
