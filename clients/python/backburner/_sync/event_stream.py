# Generated from _async/event_stream.py by generate_sync.py: change that file, not this one.
"""A job's event log over server-sent events, resumed wherever it was cut."""

from collections.abc import Generator
from contextlib import closing
from datetime import timedelta

import httpx2

from backburner._sync.retry_budget import RetryBudget
from backburner._sync.transport import TRANSIENT_WHILE_WAITING, Transport
from backburner.errors import from_response
from backburner.models.jobs import JobEvent

# The gateway sends a comment every 15 s: a line silent for longer than this is dead.
_SILENCE = httpx2.Timeout(10.0, read=45.0)


class _Cut(httpx2.RemoteProtocolError):
    """The stream ended without saying that the job has."""


def follow_events(
    transport: Transport, path: str, *, after: int, outage: timedelta
) -> Generator[JobEvent, None]:
    """Yield the events behind `after` until the gateway says `end`.

    Raises:
        ApiError: The gateway refuses for good.
        GatewayUnreachable: It was silent for longer than the outage that the caller allows.
    """
    budget = RetryBudget(outage)
    while True:
        try:
            with closing(_connect(transport, path, after, budget)) as connection:
                for event in connection:
                    if event is None:
                        return
                    # A gateway that replays more than was asked for must not make us count twice.
                    if event.seq > after:
                        after = event.seq
                        budget.restore()
                        yield event
        except httpx2.TransportError as error:
            transport.wait_for_answer(budget, error)


def _connect(
    transport: Transport, path: str, after: int, budget: RetryBudget
) -> Generator[JobEvent | None, None]:
    """Yield events of one connection; None says that no more will ever come."""
    resume = {"Last-Event-ID": str(after)} if after else {}
    with transport.http.sse(path, headers=resume, timeout=_SILENCE) as stream:
        response = stream.response
        transport.note_answer()
        if response.status_code == httpx2.codes.NO_CONTENT:
            yield None
            return
        if not response.is_success:
            response.read()
            error = from_response(response)
            if error.status not in TRANSIENT_WHILE_WAITING:
                raise error
            budget.wait_or_raise(error, asked_seconds=error.retry_after_seconds)
            return
        for message in stream:
            if message.event == "end":
                yield None
                return
            if message.data:  # a block that only sets the reconnect time is no event
                yield JobEvent.model_validate_json(message.data)
        raise _Cut("the event stream was cut")
