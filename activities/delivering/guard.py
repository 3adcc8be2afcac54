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
from dataclasses import dataclass, field
from ipaddress import ip_address
from weakref import WeakValueDictionary

import httpcore2

from jobs.addresses import Network, literal, may_connect

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a name, as text."""

MOST_ADDRESSES = 3
"""Addresses of a name that are tried, one after the other."""

LOOKUPS = 64
"""Names looked up at once: the system's resolver blocks a thread for each."""

LOOKUPS_PER_DOMAIN = 4
"""So many of them below one domain: whoever has callbacks sent to a thousand names that no server
answers for must leave threads to others. Names that are answered for take milliseconds."""

SHARED = frozenset({"ac", "co", "com", "edu", "gov", "net", "or", "org"})
"""Below the two letters of a country these are nobody's domain, but many people's."""


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
    and few of them per domain, so that a single dead one cannot take them all. A name nobody waits
    for any more when its turn comes is not looked up. Nothing is remembered.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="callback-names")
        self._places = asyncio.Semaphore(LOOKUPS)
        self._domains: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._lookups: dict[str, _Lookup] = {}

    async def __call__(self, host: str) -> list[str]:
        """Return the addresses of a name.

        Raises:
            NameNotResolved: It has none.
        """
        lookup = self._lookups.get(host) or self._begin(host)
        lookup.waiting += 1
        try:
            return await asyncio.shield(lookup.found)
        except (OSError, UnicodeError) as error:
            raise NameNotResolved(f"{host} cannot be resolved: {error}") from error
        finally:
            lookup.waiting -= 1
            if not lookup.waiting and not lookup.has_a_thread:
                self._forget(lookup)
                lookup.found.cancel()

    def close(self) -> None:
        """Let the threads go; those that still wait for a name server are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self, host: str) -> "_Lookup":
        lookup = self._lookups[host] = _Lookup(host)
        lookup.found = asyncio.ensure_future(self._look_up(lookup))
        lookup.found.add_done_callback(lambda _: self._forget(lookup))
        return lookup

    async def _look_up(self, lookup: "_Lookup") -> list[str]:
        places = asyncio.Semaphore(LOOKUPS_PER_DOMAIN)
        async with self._domains.setdefault(_domain(lookup.host), places), self._places:
            lookup.has_a_thread = True
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, _addresses, lookup.host)

    def _forget(self, lookup: "_Lookup") -> None:
        if self._lookups.get(lookup.host) is lookup:
            del self._lookups[lookup.host]
        if lookup.found.done() and not lookup.found.cancelled():
            # Looked at, so that nobody is told of an error everyone gave up on.
            lookup.found.exception()


@dataclass(eq=False)
class _Lookup:
    """A name that is looked up, or waits to be.

    Attributes:
        waiting: How many want to know.
        has_a_thread: It cannot be called off any more.
    """

    host: str
    waiting: int = 0
    has_a_thread: bool = False
    found: "asyncio.Future[list[str]]" = field(init=False)


def _domain(host: str) -> str:
    """Return what a name was probably registered as: its last two labels, three of a .co.uk."""
    labels = host.lower().rstrip(".").split(".")
    count = 3 if len(labels[-1]) == 2 and labels[-2:-1] and labels[-2] in SHARED else 2
    return ".".join(labels[-count:])


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]
