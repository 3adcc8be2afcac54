"""Deliver signed events to the registered endpoints, at least once.

A response's status is read off the clock, so nothing happens in the emulator when one ends. While
at least one endpoint is registered, a single task therefore sleeps until the next response ends or
the next retry is due; a waiting response costs one entry in its heap.
"""

import asyncio
import contextlib
import heapq
import itertools
import json
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import aiohttp

from local.openai_emulator.endpoints import Endpoint
from local.openai_emulator.ledger import Ledger, Record
from local.openai_emulator.scripts import WebhookMode
from local.openai_emulator.settings import Tuning
from local.openai_emulator.signing import signed_headers

_GIVES_UP_AFTER_SECONDS = 72 * 3600
_LONGEST_BACK_OFF_SECONDS = 3600.0
_AT_ONCE = 50
_LOGGED_ATTEMPTS = 100_000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a response; its id and bytes are the same on every attempt."""

    id: str
    webhook_id: str
    type: str
    response_id: str
    created_at: float
    terminal_at: float | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    event: Event
    endpoint: Endpoint
    mode: str = "normal"
    attempt: int = 1


def new_event(
    kind: str, response_id: str, now: float, terminal_at: float | None = None, name: str = ""
) -> Event:
    """Compose an event of a type; `name` makes its ids known beforehand."""
    name = name or uuid.uuid4().hex
    body = {
        "id": f"evt_{name}",
        "object": "event",
        "created_at": int(now),
        "type": kind,
        "data": {"id": response_id},
    }
    return Event(
        id=f"evt_{name}",
        webhook_id=f"wh_{name}",
        type=kind,
        response_id=response_id,
        created_at=now,
        terminal_at=terminal_at,
        body=json.dumps(body).encode(),
    )


class Dispatcher:
    """Announce the ends of background responses; do nothing while nobody listens."""

    def __init__(self, ledger: Ledger, tuning: Tuning) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.attempts: deque[dict[str, Any]] = deque(maxlen=_LOGGED_ATTEMPTS)
        self._ledger = ledger
        self._tuning = tuning
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()
        self._held: list[Delivery] = []
        self._scheduler: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    def register(self, endpoint: Endpoint) -> None:
        """Send events to an endpoint from now on, also about responses that are running."""
        first = not self.endpoints
        self.endpoints[endpoint.id] = endpoint
        if first:
            self._start_scheduler()
            now = self._ledger.now()
            for record in self._ledger.records.values():
                if record.terminal_at(now) is None:
                    self.watch(record)

    def remove(self, endpoint_id: str) -> None:
        """Send an endpoint nothing more, not even what is being retried."""
        self.endpoints.pop(endpoint_id, None)
        if not self.endpoints:
            self._stop_scheduler()

    def watch(self, record: Record) -> None:
        """Announce a response when it ends; call again when that moment has moved."""
        if self.endpoints and record.body.get("background"):
            for moment in record.ends():
                self._at(moment, partial(self._announce, record))

    async def announce_early(self, record: Record) -> None:
        """Deliver the event of a response's end now, and return when it was answered."""
        now = self._ledger.now()
        ended_at = record.terminal_at(now)
        status = record.answer.status
        record.announced.append(status)
        event = new_event(f"response.{status}", record.id, now, ended_at)
        for endpoint in self._listening(event.type):
            await self._attempt(Delivery(event, endpoint, "early"))

    def clear(self) -> None:
        """Forget endpoints, events and the log."""
        self.endpoints.clear()
        self._stop_scheduler()
        self.attempts.clear()

    async def close(self) -> None:
        """Stop everything; what is under way is abandoned."""
        stopping = [*self._under_way, *([self._scheduler] if self._scheduler else [])]
        self._stop_scheduler()
        await asyncio.gather(*stopping, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def send(
        self, delivery: Delivery, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Make one attempt and return its line of the log; `headers` replace the signed ones."""
        event, endpoint, now = delivery.event, delivery.endpoint, self._ledger.now()
        if headers is None:
            keys = endpoint.secrets(now)
            headers = signed_headers(keys, event.webhook_id, int(now), event.body)
        status, error = await self._post(endpoint.url, event.body, headers)
        line = _logged(delivery, now) | {
            "status_code": status,
            "error": error,
            "answered_at": self._ledger.now(),
        }
        self.attempts.append(line)
        return line

    def _announce(self, record: Record) -> None:
        now = self._ledger.now()
        ended_at, status = record.terminal_at(now), record.status(now)
        if ended_at is None or status in record.announced:
            return
        record.announced.append(status)
        event = new_event(f"response.{status}", record.id, now, ended_at)
        mode = record.script.webhook or self._tuning.webhook
        delay = record.script.webhook_delay_seconds
        delay = self._tuning.webhook_delay_seconds if delay is None else delay
        deliveries = [Delivery(event, each, mode) for each in self._listening(event.type)]
        self._dispose(deliveries, mode, now, delay)

    def _dispose(
        self, deliveries: list[Delivery], mode: WebhookMode, now: float, delay: float
    ) -> None:
        match mode:
            case "lost":
                self.attempts.extend(_logged(each, now) for each in deliveries)
            case "reordered":
                self._held += deliveries
                self._at(now + delay, self._release)
            case "late":
                for each in deliveries:
                    self._at(now + delay, partial(self._begin, each))
            case _:
                times = 2 if mode == "duplicate" else 1
                for each in deliveries * times:
                    self._begin(each)

    def _release(self) -> None:
        held, self._held = self._held, []
        for delivery in held:
            self._begin(delivery)

    def _begin(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._attempt(delivery))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _attempt(self, delivery: Delivery) -> None:
        # The slot is waited for outside of the attempt's timeout, or a crowd would time itself out.
        async with self._slots:
            line = await self.send(delivery)
        self._release()
        now = self._ledger.now()
        taken = line["status_code"] is not None and 200 <= line["status_code"] < 300
        given_up = now > delivery.event.created_at + _GIVES_UP_AFTER_SECONDS
        if not (taken or given_up) and delivery.endpoint.id in self.endpoints:
            again = replace(delivery, attempt=delivery.attempt + 1)
            self._at(now + self._back_off(delivery.attempt), partial(self._begin, again))

    def _back_off(self, attempt: int) -> float:
        return min(
            self._tuning.webhook_retry_seconds * 2.0 ** min(attempt - 1, 30),
            _LONGEST_BACK_OFF_SECONDS,
        )

    async def _post(
        self, url: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int | None, str | None]:
        if self._session is None:
            # Shorter than the five seconds after which uvicorn closes an idle connection: a POST
            # on a connection that is just being closed would look like a failed delivery.
            connector = aiohttp.TCPConnector(limit=_AT_ONCE, keepalive_timeout=2)
            self._session = aiohttp.ClientSession(connector=connector)
        headers = {**headers, "content-type": "application/json", "user-agent": "openai-emulator"}
        timeout = aiohttp.ClientTimeout(total=self._tuning.webhook_timeout_seconds)
        try:
            # A redirect is not followed: to OpenAI it is a failure.
            async with self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as reply:
                return reply.status, None
        except (aiohttp.ClientError, TimeoutError) as error:
            return None, f"{type(error).__name__}: {error}"

    def _listening(self, kind: str) -> Iterable[Endpoint]:
        if not self._tuning.dialect.webhooks:
            return []
        return [each for each in self.endpoints.values() if kind in each.event_types]

    def _at(self, moment: float, deed: Callable[[], None]) -> None:
        heapq.heappush(self._due, (moment, next(self._order), deed))
        if self._due[0][0] == moment:
            self._changed.set()

    def _start_scheduler(self) -> None:
        self._scheduler = asyncio.create_task(self._run())

    def _stop_scheduler(self) -> None:
        if self._scheduler is not None:
            self._scheduler.cancel()
            self._scheduler = None
        for task in self._under_way:
            task.cancel()
        self._due.clear()
        self._held.clear()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            while self._due and self._due[0][0] <= self._ledger.now():
                heapq.heappop(self._due)[2]()
            left = self._due[0][0] - self._ledger.now() if self._due else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()


def _logged(delivery: Delivery, now: float) -> dict[str, Any]:
    """Return the log's line of an attempt that was not answered, or was never made."""
    return {
        "endpoint_id": delivery.endpoint.id,
        "event_id": delivery.event.id,
        "webhook_id": delivery.event.webhook_id,
        "type": delivery.event.type,
        "response_id": delivery.event.response_id,
        "mode": delivery.mode,
        "attempt": delivery.attempt,
        "status_code": None,
        "error": None,
        "terminal_at": delivery.event.terminal_at,
        "sent_at": now,
        "answered_at": None,
    }
