# Generated from _async/channels.py by generate_sync.py: change that file, not this one.
"""Channels for notifications: `client.channels`."""

from collections.abc import Iterable, Sequence

from backburner._requests import path
from backburner._sync.transport import Transport
from backburner.models.callbacks import Callback, Channel


class Channels:
    """The channels that administrators have configured. Found as `client.channels`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Sequence[Channel]:
        """Return the channels that `notify` may name."""
        return self._transport.fetch_list(Channel, path("channels"), "channels")

    def test(self, name: str, *, to: Iterable[str] = ()) -> Callback:
        """Have a test sent; ask `callbacks.wait` how it went.

        Raises:
            ApiError: There is no such channel, or it does not send to these recipients.
        """
        return self._transport.fetch(
            Callback,
            "POST",
            path("channels", name, "test"),
            json={"to": list(to)},
            repeatable=False,  # twice would send two
        )
