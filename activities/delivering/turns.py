"""What every attempt at a delivery begins and ends with, whichever way it goes."""

from datetime import timedelta

from jobs.callbacks import AttemptError, AttemptRequest, DeliveryStatus, Verdict
from jobs.errors import CallbackNotFound
from storage import deliveries
from storage.database import Database
from storage.deliveries import Attempt, Delivery

FINAL = frozenset(
    {
        AttemptError.GONE,
        AttemptError.ENDPOINT_DISABLED,
        AttemptError.RECIPIENT_REFUSED,
        AttemptError.MESSAGE_REFUSED,
    }
)
"""What no other attempt would change."""


async def due(db: Database, request: AttemptRequest) -> Delivery | None:
    """Return the delivery that an attempt is for; None when there is nothing to do."""
    try:
        delivery = await deliveries.get(db, request.tenant, request.delivery_id)
    except CallbackNotFound:
        return None  # deleted with its job
    return delivery if delivery.status.is_open else None


async def turned_away(db: Database, delivery: Delivery, wait: timedelta) -> Verdict:
    """Note that the receiver had no hand free: nothing was sent."""
    await deliveries.postpone(db, delivery, wait)
    return Verdict(wait=wait, turned_away=True)


async def tried(
    db: Database,
    delivery: Delivery,
    attempt: Attempt,
    pause: timedelta | None,
    asked: timedelta = timedelta(0),
) -> Verdict:
    """Write down how an attempt went and how the delivery stands after it.

    Args:
        db: The database.
        delivery: The delivery as it was read before the attempt.
        attempt: How it went.
        pause: What the retry table says to wait after a failure; None when it has ended.
        asked: What the receiver asked to wait.
    """
    wait = None
    if attempt.error is None:
        status = DeliveryStatus.DELIVERED
    elif attempt.error in FINAL:
        status = DeliveryStatus.ABANDONED
    elif pause is None:
        status = DeliveryStatus.EXHAUSTED
    else:
        status, wait = DeliveryStatus.DELIVERING, max(pause, asked)
    await deliveries.record(db, delivery, attempt, status, wait=wait)
    return Verdict(wait=wait)
