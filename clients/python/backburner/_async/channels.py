"""Channels for notifications: `client.channels`."""

from collections.abc import Iterable, Sequence

from backburner._async.transport import AsyncTransport
from backburner._requests import path
from backburner.models.callbacks import Callback, Channel


class AsyncChannels:
    """The channels that administrators have configured. Found as `client.channels`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> Sequence[Channel]:
        """Return the channels that `notify` may name."""
        return await self._transport.fetch_list(Channel, path("channels"), "channels")

    async def test(self, name: str, *, to: Iterable[str] = ()) -> Callback:
        """Have a test sent; ask `callbacks.wait` how it went.

        Raises:
            ApiError: There is no such channel, or it does not send to these recipients.
        """
        return await self._transport.fetch(
            Callback,
            "POST",
            path("channels", name, "test"),
            json={"to": list(to)},
            repeatable=False,  # twice would send two
        )
