"""Asks the provider for responses, at a tenth of the SDK's CPU time; submits are the SDK's."""

import json
import math
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from jobs.retry_after import seconds_of

OK = 200

TELLING = frozenset({OK, 400, 401, 403, 404, 409, 410})
"""HTTP statuses that say something about this response; any other says: ask again later."""

NO_ANSWER = (aiohttp.ClientError, TimeoutError, ValueError)
"""What a network raises, or a body that is no JSON."""

LARGEST_HINT_SECONDS = 120.0
"""Cap on a poll's Retry-After: polls must go on even if the hint is nonsense."""


@dataclass(frozen=True)
class Glance:
    """What one look told.

    Attributes:
        status: The provider's word; None when nothing was learned.
        final: Whether only a full retrieve can tell more: this server will not say.
        wait_seconds: How long the provider asks us to wait before the next look.
    """

    status: str | None = None
    final: bool = False
    wait_seconds: float = 0.0


class LeanClient:
    """A lean HTTP client. Use as `async with`.

    Args:
        base_url: Of the API, with its version.
        headers: Authorization, and organisation and project where the account needs them.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._url = base_url.rstrip("/") + "/responses/"
        self._headers = dict(headers)
        self._way = _way_to(self._url)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "LeanClient":
        """Open the session."""
        timeout = aiohttp.ClientTimeout(total=30, connect=5)
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def look(self, response_id: str) -> Glance:
        """Ask for a response's status, once. Never raises for what a server or a network does."""
        try:
            async with self._get(response_id) as reply:
                if reply.status not in TELLING:
                    return Glance(wait_seconds=_hint(reply.headers.get("Retry-After")))
                if reply.status != OK:
                    return Glance(final=True)
                status = json.loads(await reply.read()).get("status")
                return Glance(status if isinstance(status, str) else None)
        except (*NO_ANSWER, AttributeError):
            # No answer, or not an answer: the next poll asks again.
            return Glance()

    async def fetch(self, response_id: str) -> Any:
        """Ask for a whole response, once; None when the SDK has to find out why there is none.

        Never raises for what a server or a network does.
        """
        try:
            async with self._get(response_id) as reply:
                return json.loads(await reply.read()) if reply.status == OK else None
        except NO_ANSWER:
            return None

    def _get(self, response_id: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("the lean client is not open")
        # Ids come from notices and from people too: none may lead to another path.
        return self._session.get(self._url + quote(response_id, safe=""), **self._way)


def _way_to(url: str) -> dict[str, Any]:
    """Return what leads requests through the proxy that the environment names, as the SDK's are.

    It is read once: aiohttp's `trust_env` reads it at each request, and a netrc file too, both in
    a thread, which took a third of a poll's CPU.
    """
    target, proxies = urlsplit(url), getproxies()
    named = proxies.get(target.scheme) or proxies.get("all")
    if not named or proxy_bypass(target.hostname or ""):
        return {}
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    address = proxy._replace(netloc=proxy.netloc.rpartition("@")[2]).geturl()
    if proxy.username is None:
        return {"proxy": address}
    user, password = unquote(proxy.username), unquote(proxy.password or "")
    authorization = {"Proxy-Authorization": aiohttp.encode_basic_auth(user, password)}
    # A tunnel's CONNECT has headers of its own; without TLS the request itself goes to the proxy.
    return {
        "proxy": address,
        "proxy_headers" if target.scheme == "https" else "headers": authorization,
    }


def _hint(retry_after: str | None) -> float:
    try:
        seconds = seconds_of(retry_after or "0", datetime.now(UTC))
    except ValueError:
        return 0.0
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), LARGEST_HINT_SECONDS)
