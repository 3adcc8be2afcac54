"""`client.channels`: where people can be told of jobs."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from backburner.callbacks import Callback
from backburner.transport import Transport
from jobs.notifications import Occasion
from jobs.values import Value


class Channel(Value):
    """What may be known of a channel.

    Attributes:
        on: What it tells of when a job does not say.
        domains: Where jobs may have e-mails sent, besides the channel's own recipients.
        needs_recipients: Whether it has no recipients of its own.
    """

    name: str
    type: str
    description: str = ""
    on: list[Occasion] = []
    domains: list[str] = []
    needs_recipients: bool = False


class _ChannelList(Value):
    channels: list[Channel]


class Channels:
    """The channels that administrators have configured. Found as `AsyncBackburner.channels`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> Sequence[Channel]:
        """Return the channels that `notify` may name."""
        reply = await self._transport.request("GET", "/api/channels")
        return _ChannelList.model_validate_json(reply.content).channels

    async def test(self, name: str, *, to: Iterable[str] = ()) -> Callback:
        """Have a test sent; ask `callbacks.wait` how it went.

        Raises:
            ApiError: There is no such channel, or it does not send to these recipients.
        """
        path = f"/api/channels/{quote(name, safe='')}/test"
        # Twice would send two.
        reply = await self._transport.request("POST", path, json={"to": list(to)}, repeatable=False)
        return Callback.model_validate_json(reply.content)
