"""Channels: where people can be told of jobs, as the administrators have configured it."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.bodies import Body
from api.callback_views import CallbackView, callback_view
from api.gateway import GatewayIn, TenantIn
from api.paging import refuse_unknown
from api.problems import documented
from jobs.channels import Channel, EmailChannel
from jobs.notifications import ChannelName, ChannelUse, Occasion, Recipients
from storage import delivery_log

router = APIRouter(prefix="/api/channels", tags=["notifications"])


class ChannelView(BaseModel):
    """What may be known of a channel; neither its address nor its secrets."""

    name: str = Field(examples=["ops-mail"])
    type: Literal["email", "apprise"]
    description: str = Field(examples=["The people on duty"])
    on: list[Occasion] = Field(description="What it tells of when a job does not say.")
    domains: list[str] = Field(
        description="Where jobs may have e-mails sent, besides the channel's own recipients.",
        examples=[["example.com"]],
    )
    needs_recipients: bool = Field(description="Whether it has no recipients of its own.")


class ChannelList(BaseModel):
    """All channels that the tenant's jobs may name."""

    channels: list[ChannelView]


class ChannelTest(Body):
    """Whom to send a test."""

    to: Recipients = Field(default=(), description="Instead of the channel's own recipients.")


@router.get("", summary="List the channels", responses=documented(400, 401))
async def list_channels(request: Request, gateway: GatewayIn, tenant: TenantIn) -> ChannelList:
    """Return the channels that `notify` of a job may name."""
    refuse_unknown(request, lambda _: False)
    found = gateway.callbacks.channels.of(tenant)
    return ChannelList(channels=[_view(name, found[name]) for name in sorted(found)])


@router.post(
    "/{name}/test",
    status_code=202,
    summary="Send a channel a test",
    responses=documented(400, 401, 404, 415, 422, 503),
)
async def try_channel(
    name: ChannelName, gateway: GatewayIn, tenant: TenantIn, wanted: ChannelTest | None = None
) -> CallbackView:
    """Have a test sent; `GET /api/callbacks/{callback_id}` shows how that goes."""
    use = ChannelUse(channel=name, to=(wanted or ChannelTest()).to)
    notice = gateway.callbacks.channels.settled(tenant, use)
    sent = await delivery_log.insert_channel_test(gateway.db, tenant, notice.channel, notice.to)
    return callback_view(sent)


def _view(name: str, channel: Channel) -> ChannelView:
    email = channel if isinstance(channel, EmailChannel) else None
    return ChannelView(
        name=name,
        type=channel.type,
        description=channel.description,
        on=list(channel.on),
        domains=list(email.domains) if email else [],
        needs_recipients=email is not None and not email.to,
    )
