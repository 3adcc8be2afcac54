"""Requests to the gateway that are repeated when, and only when, repeating is safe."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import httpx2

from backburner.errors import ApiError, GatewayUnreachable, from_response
from backburner.patience import Patience

PASSING = frozenset({429, 502, 503, 504})
"""Statuses that tell of a gateway that is busy, restarting or cut off from its database."""

_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_POINTLESS = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)
_REFUSED_UNTOUCHED = frozenset({"job_not_started"})
# A gateway that never answered is probably absent, not restarting: say so soon.
_FIRST_CONTACT = timedelta(seconds=1)


class Transport:
    """One HTTP connection pool and the rules of repeating.

    Args:
        base_url: Where the gateway listens.
        token: Bearer token, None for an open gateway.
        timeout: How long one request may take to connect, or to be answered.
        patience: How long a request is repeated while the gateway is in trouble.
    """

    def __init__(
        self, base_url: str, *, token: str | None, timeout: timedelta, patience: timedelta
    ) -> None:
        url = httpx2.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{base_url!r} is not an http:// or https:// URL")
        self.base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout.total_seconds()
        self._patience = patience
        self._answered = False
        self.http = httpx2.AsyncClient(
            base_url=self.base_url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=self._timeout_seconds,
            # A proxy of the environment cannot reach this machine's own gateway.
            trust_env=not _is_loopback(url.host),
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = True,
        passing: frozenset[int] = PASSING,
        patience: timedelta | None = None,
        extra_seconds: float = 0.0,
        **content: Any,
    ) -> httpx2.Response:
        """Make a request and return its reply when that is a success.

        Args:
            method: The HTTP method.
            path: Below the base URL.
            repeatable: Whether doing it twice changes nothing more than doing it once.
            passing: Statuses after which a repeatable request is repeated.
            patience: How long trouble is borne, when not as long as usual.
            extra_seconds: How long the gateway was asked to hold the reply back.
            **content: Passed on to httpx2: `json`, `params`, `headers`, `files`, …

        Raises:
            ApiError: The gateway refused.
            GatewayUnreachable: Nobody answered.
        """
        limits = httpx2.Timeout(self._timeout_seconds, read=self._timeout_seconds + extra_seconds)
        bearing = Patience(self._patience if patience is None else patience)
        while True:
            try:
                response = await self.http.request(method, path, timeout=limits, **content)
            except httpx2.TransportError as error:
                if not (repeatable or isinstance(error, _NEVER_SENT)):
                    raise self.unreachable(error) from error
                await self.bear_silence(bearing, error)
                continue
            self._answered = True
            if response.is_success:
                return response
            await _bear_refusal(bearing, from_response(response), passing if repeatable else None)

    async def pages(self, path: str, wanted: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """Yield the bodies of a list's pages; parameters that are None are left out."""
        params = {name: value for name, value in wanted.items() if value is not None}
        while True:
            reply = await self.request("GET", path, params=params)
            yield reply.content
            if not (cursor := reply.json().get("next")):
                return
            params["cursor"] = cursor

    def note_answer(self) -> None:
        """Remember that the gateway is there."""
        self._answered = True

    async def bear_silence(self, bearing: Patience, error: httpx2.TransportError) -> None:
        """Pause after a request without an answer, or raise `GatewayUnreachable`."""
        trouble = self.unreachable(error)
        if isinstance(error, _POINTLESS):
            raise trouble from error
        absent = not self._answered and isinstance(error, _NEVER_SENT)
        await bearing.bear(trouble, at_most=_FIRST_CONTACT if absent else timedelta.max)

    def unreachable(self, error: httpx2.TransportError) -> GatewayUnreachable:
        """Say which address did not answer, and how."""
        return GatewayUnreachable(self.base_url, str(error) or type(error).__name__)


async def _bear_refusal(bearing: Patience, error: ApiError, passing: frozenset[int] | None) -> None:
    # Whoever says "too many requests" or "not started yet" has done nothing: repeating is safe.
    untouched = error.status == httpx2.codes.TOO_MANY_REQUESTS or error.code in _REFUSED_UNTOUCHED
    if not untouched and error.status not in (passing or ()):
        raise error
    await bearing.bear(error, asked_seconds=error.retry_after_seconds)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
