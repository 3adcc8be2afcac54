# Generated from _async/transport.py by generate_sync.py: change that file, not this one.
"""Requests to the gateway that are repeated when, and only when, repeating is safe."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, TypeAdapter

from backburner._deadline import Deadline
from backburner._sync.retry_budget import RetryBudget
from backburner.errors import ApiError, GatewayUnreachable, from_response

M = TypeVar("M", bound=BaseModel)

TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses of a gateway that is busy, restarting or cut off from its database."""

TRANSIENT_WHILE_WAITING = TRANSIENT | {500}
"""A wait has nothing to lose by asking again after a defect of the gateway."""

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
        retry_for: How long a request is repeated while the gateway is in trouble.
    """

    def __init__(
        self, base_url: str, *, token: str | None, timeout: timedelta, retry_for: timedelta
    ) -> None:
        url = httpx2.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{base_url!r} is not an http:// or https:// URL")
        self.base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout.total_seconds()
        self._retry_for = retry_for
        self._answered = False
        self.http = httpx2.Client(
            base_url=self.base_url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=self._timeout_seconds,
            # A proxy of the environment cannot reach this machine's own gateway.
            trust_env=not _is_loopback(url.host),
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = True,
        transient: frozenset[int] = TRANSIENT,
        retry_for: timedelta | None = None,
        extra_seconds: float = 0.0,
        deadline: Deadline | None = None,
        **content: Any,
    ) -> httpx2.Response:
        """Make a request and return its reply when that is a success.

        Args:
            method: The HTTP method.
            path: Below the base URL.
            repeatable: Whether doing it twice changes nothing more than doing it once.
            transient: Statuses after which a repeatable request is repeated.
            retry_for: How long it is repeated, when not as long as usual.
            extra_seconds: How long the gateway was asked to hold the reply back.
            deadline: When the caller stops waiting.
            **content: Passed on to httpx2: `json`, `params`, `headers`, `files`, …

        Raises:
            ApiError: The gateway refused.
            GatewayUnreachable: Nobody answered.
            TimeoutError: The deadline came first.
        """
        deadline = deadline or Deadline()
        budget = RetryBudget(self._retry_for if retry_for is None else retry_for, deadline)
        while True:
            limits = httpx2.Timeout(
                deadline.limit(self._timeout_seconds),
                read=deadline.limit(self._timeout_seconds + extra_seconds),
            )
            try:
                response = self.http.request(method, path, timeout=limits, **content)
            except httpx2.TransportError as error:
                if not (repeatable or isinstance(error, _NEVER_SENT)):
                    raise self.unreachable(error) from error
                self.wait_for_answer(budget, error)
                continue
            self._answered = True
            if response.is_success:
                return response
            refusal = from_response(response)
            _wait_after_refusal(budget, refusal, transient if repeatable else None)

    def fetch(self, model: type[M], method: str, path: str, **more: Any) -> M:
        """Make a request as `request` does, and return its reply as a model."""
        reply = self.request(method, path, **more)
        return model.model_validate_json(reply.content)

    def fetch_list(self, model: type[M], path: str, name: str) -> list[M]:
        """Return the list that a reply holds under a name."""
        reply = self.request("GET", path)
        return TypeAdapter(list[model]).validate_python(reply.json()[name])  # type: ignore[valid-type] # mypy knows no generics at run time

    def pages(self, model: type[M], path: str, name: str, params: Mapping[str, Any]) -> Iterator[M]:
        """Yield what the pages of a list hold under a name; pages are fetched when needed."""
        query = dict(params)
        while True:
            page = (self.request("GET", path, params=query)).json()
            for each in page[name]:
                yield model.model_validate(each)
            if not (cursor := page.get("next")):
                return
            query["cursor"] = cursor

    def note_answer(self) -> None:
        """Remember that the gateway is there."""
        self._answered = True

    def wait_for_answer(self, budget: RetryBudget, error: httpx2.TransportError) -> None:
        """Pause after a request without an answer, or raise `GatewayUnreachable`."""
        trouble = self.unreachable(error)
        if isinstance(error, _POINTLESS):
            raise trouble from error
        absent = not self._answered and isinstance(error, _NEVER_SENT)
        budget.wait_or_raise(trouble, at_most=_FIRST_CONTACT if absent else timedelta.max)

    def unreachable(self, error: httpx2.TransportError) -> GatewayUnreachable:
        """Say which address did not answer, and how."""
        return GatewayUnreachable(self.base_url, str(error) or type(error).__name__)


def _wait_after_refusal(
    budget: RetryBudget, error: ApiError, transient: frozenset[int] | None
) -> None:
    # Whoever says "too many requests" or "not started yet" has done nothing: repeating is safe.
    untouched = error.status == httpx2.codes.TOO_MANY_REQUESTS or error.code in _REFUSED_UNTOUCHED
    if not untouched and error.status not in (transient or ()):
        raise error
    budget.wait_or_raise(error, asked_seconds=error.retry_after_seconds)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
