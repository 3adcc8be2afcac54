"""Connections that only reach addresses callbacks may go to.

Whoever names a URL would like us to fetch something from inside our network. So a name is looked up
once, all its addresses are judged, and the connection goes to an address that was judged, not to
the name. One bad address refuses the name: an answer that mixes public and private addresses is an
attack or a mistake. TLS still checks the certificate against the name, which httpcore2 passes on.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import httpcore2

from jobs.addresses import Network, literal, may_connect

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a name, as text."""

MOST_ADDRESSES = 3
"""Addresses of a name that are tried, one after the other."""

LOOKUPS = 32
"""Names looked up at once: the system's resolver blocks a thread for each."""


class BlockedAddress(httpcore2.ConnectError):
    """The name has an address that callbacks must not go to; nothing was connected."""


class NameNotResolved(httpcore2.ConnectError):
    """The name has no address."""


class Guard(httpcore2.AsyncNetworkBackend):
    """Connects to judged addresses, through another backend.

    Args:
        networks: Networks that are allowed besides the public ones.
        resolve: Looks names up.
        backend: Makes the connections.
    """

    def __init__(
        self,
        networks: Iterable[Network],
        resolve: Resolver,
        backend: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self.networks = tuple(networks)
        self._resolve = resolve
        self._backend = backend or httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to a host, if every address of it may be connected to.

        Raises:
            BlockedAddress: One of them may not.
            NameNotResolved: It has none.
            httpcore2.ConnectError: None of them takes the connection.
        """
        error: Exception = NameNotResolved(f"{host} has no address")
        for address in (await self._judged(host))[:MOST_ADDRESSES]:
            try:
                return await self._backend.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failure:
                error = failure
        raise error

    async def sleep(self, seconds: float) -> None:
        """Pause, as httpcore2 asks for between tries."""
        await self._backend.sleep(seconds)

    async def _judged(self, host: str) -> list[str]:
        spelled = literal(host)
        found = [str(spelled)] if spelled else list(dict.fromkeys(await self._resolve(host)))
        for text in found:
            try:
                address = ip_address(text)
            except ValueError:
                raise BlockedAddress(f"{host} has the address {text!r}, which is none") from None
            if not may_connect(address, self.networks):
                raise BlockedAddress(f"{host} has the address {address}, which is not public")
        return found


class SystemResolver:
    """Asks the system for the addresses of a name, once for all who want to know at the moment.

    Threads of its own, since a name server that does not answer holds a thread for half a minute,
    and one thread per name, so that a single dead name cannot take them all. Nothing is remembered.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="callback-names")
        self._lookups: dict[str, asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str) -> list[str]:
        """Return the addresses of a name.

        Raises:
            NameNotResolved: It has none.
        """
        if host not in self._lookups:
            loop = asyncio.get_running_loop()
            lookup = loop.run_in_executor(self._threads, _addresses, host)
            lookup.add_done_callback(lambda done: self._forget(host, done))
            self._lookups[host] = lookup
        try:
            return await asyncio.shield(self._lookups[host])
        except (OSError, UnicodeError) as error:
            raise NameNotResolved(f"{host} cannot be resolved: {error}") from error

    def close(self) -> None:
        """Let the threads go; those that still wait for a name server are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, host: str, lookup: "asyncio.Future[list[str]]") -> None:
        del self._lookups[host]
        if not lookup.cancelled():
            lookup.exception()  # looked at, so that nobody is told of an error everyone gave up on


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]
