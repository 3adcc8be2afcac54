"""The workflow that sees one delivery through, over days if need be."""

from datetime import timedelta

from temporalio import workflow

from jobs.callbacks import CALLBACK, JITTER, AttemptRequest, DeliveryTicket, Verdict
from jobs.notifications import NOTIFICATION
from jobs.ports import DeliveryDeeds, NotificationDeeds
from jobs.queues import Queue
from workflows.core import queues, timing

DEEDS = {
    CALLBACK: DeliveryDeeds.attempt_callback,
    NOTIFICATION: NotificationDeeds.attempt_notification,
}
"""The deed that makes one attempt, for each channel."""


@workflow.defn(name="delivery", sandboxed=False)
class DeliveryRun:
    """Try until the receiver has it or the retry table ends; the row says how it went."""

    def __init__(self) -> None:
        self._asked_again = False

    @workflow.run
    async def run(self, ticket: DeliveryTicket) -> None:
        """Attempt, wait, attempt again."""
        failures = 0
        while True:
            self._asked_again = False
            verdict = await self._attempt(ticket, failures)
            if await self._is_asked_again(verdict.wait):
                failures = 0
            elif verdict.wait is None:
                return
            elif not verdict.turned_away:
                failures += 1

    @workflow.signal(description="Try at once, and begin the retry table anew")
    def again(self) -> None:
        """Try at once, and begin the retry table anew."""
        self._asked_again = True

    async def _attempt(self, ticket: DeliveryTicket, failures: int) -> Verdict:
        request = AttemptRequest(
            delivery_id=ticket.delivery_id,
            tenant=ticket.tenant,
            pause=_pause(ticket.pauses, failures),
        )
        return await workflow.execute_activity_method(
            DEEDS[ticket.channel],  # type: ignore[arg-type] # which class it is of differs
            request,
            task_queue=queues.named(Queue.CALLBACKS),
            start_to_close_timeout=timing.ATTEMPT,
            retry_policy=timing.PERSISTENT,
            summary=f"Attempt {failures + 1} of {len(ticket.pauses) + 1}",
        )

    async def _is_asked_again(self, wait: timedelta | None) -> bool:
        if wait is not None:
            try:
                await workflow.wait_condition(lambda: self._asked_again, timeout=wait)
            except TimeoutError:
                return False
        return self._asked_again


def _pause(pauses: tuple[timedelta, ...], failures: int) -> timedelta | None:
    if failures >= len(pauses):
        return None
    return pauses[failures] * workflow.random().uniform(1 - JITTER, 1 + JITTER)
