"""Rows of the outbox: each taken by one dispatcher, and honest about what became of them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from activities.delivering.dispatcher import Dispatcher
from jobs.callbacks import AttemptError, DeliveryStatus
from jobs.errors import CallbackNotFound
from jobs.status import JobStatus
from storage import deliveries, delivery_log, endpoints, outbox
from storage.database import Database
from storage.deliveries import Attempt, Delivery
from storage.endpoints import Change, Wish
from tests.callbacks.recording import recorded
from tests.callbacks.test_telling import of_job
from tests.installation import TENANT, Installation, eventually

URL = "http://127.0.0.1:9/hook"
TRY = Attempt(datetime.now(UTC), timedelta(seconds=1), http_status=204)
FAILED_TRY = Attempt(datetime.now(UTC), timedelta(seconds=1), 500, AttemptError.REFUSED)


async def one(house: Installation) -> Delivery:
    """Return a delivery that is about to be made."""
    [found] = await of_job(house, await recorded(house, URL))
    return found


async def seen(house: Installation, delivery: Delivery) -> Delivery:
    return await deliveries.get(house.db, TENANT, delivery.id)


async def test_a_row_is_taken_by_one_dispatcher(bare: Installation):
    for _ in range(20):
        await recorded(bare, URL)
    taken = await asyncio.gather(*(outbox.claim(bare.db, limit=7) for _ in range(5)))
    ids = [each.id for claimed in taken for each in claimed]
    assert len(ids) == len(set(ids)) == 20
    assert await outbox.claim(bare.db, limit=7) == []


async def test_a_row_whose_dispatcher_died_is_taken_again(bare: Installation):
    delivery = await one(bare)
    [claimed] = await outbox.claim(bare.db, limit=7)
    await bare.db.execute("UPDATE deliveries SET claimed_until = now() - interval '1 second'")
    assert await outbox.claim(bare.db, limit=7) == [claimed]
    await outbox.started(bare.db, [claimed])
    assert (await seen(bare, delivery)).status is DeliveryStatus.DELIVERING
    await bare.db.execute("UPDATE deliveries SET claimed_until = now() - interval '1 second'")
    assert await outbox.claim(bare.db, limit=7) == []


async def test_an_attempt_that_was_quicker_than_its_dispatcher_stands(bare: Installation):
    delivery = await one(bare)
    [claimed] = await outbox.claim(bare.db, limit=7)
    await deliveries.record(bare.db, delivery, TRY, DeliveryStatus.DELIVERED, wait=None)
    await outbox.started(bare.db, [claimed])
    assert (await seen(bare, delivery)).status is DeliveryStatus.DELIVERED


async def test_an_attempt_of_an_earlier_round_does_not_count_for_this_one(bare: Installation):
    delivery = await one(bare)
    await delivery_log.send_again(bare.db, TENANT, delivery.id)
    await deliveries.record(bare.db, delivery, TRY, DeliveryStatus.DELIVERED, wait=None)
    found = await seen(bare, delivery)
    assert (found.status, found.attempts, found.round) == (DeliveryStatus.PENDING, 1, 2)


async def test_a_failure_does_not_revive_what_was_abandoned(bare: Installation):
    endpoint = await endpoints.insert(bare.db, TENANT, Wish(URL))
    [delivery] = await of_job(bare, await recorded(bare, None))
    await endpoints.change(bare.db, TENANT, endpoint.id, Change(enabled=False))
    minute = timedelta(minutes=1)
    await deliveries.record(bare.db, delivery, FAILED_TRY, DeliveryStatus.DELIVERING, wait=minute)
    found = await seen(bare, delivery)
    assert (found.status, found.last_error) == (DeliveryStatus.ABANDONED, "endpoint_disabled")
    assert found.next_attempt_at is None
    await deliveries.record(bare.db, delivery, TRY, DeliveryStatus.DELIVERED, wait=None)
    assert (await seen(bare, delivery)).status is DeliveryStatus.DELIVERED


async def test_a_child_is_told_only_to_those_who_want_children(bare: Installation):
    root = await recorded(bare, None)
    await endpoints.insert(bare.db, TENANT, Wish(URL))
    keen = await endpoints.insert(bare.db, TENANT, Wish(URL, hears_children=True))
    child = await recorded(bare, None, JobStatus.CANCELED, parent=root)
    assert [each.endpoint_id for each in await of_job(bare, child)] == [keen.id]


async def test_the_log_forgets_after_three_months(bare: Installation):
    old, young, waiting = [await one(bare) for _ in range(3)]
    for each in (old, young):
        await deliveries.record(bare.db, each, TRY, DeliveryStatus.DELIVERED, wait=None)
    await bare.db.execute(
        "UPDATE deliveries SET ended_at = now() - interval '91 days' WHERE id = $1", old.id
    )
    await delivery_log.forget(bare.db)
    assert (await seen(bare, young)).attempts == 1
    assert (await seen(bare, waiting)).attempts == 0
    with pytest.raises(CallbackNotFound):
        await seen(bare, old)
    assert await bare.db.fetchval("SELECT count(*) FROM delivery_attempts") == 1


async def test_a_dispatcher_that_breaks_begins_again(
    bare: Installation, monkeypatch: pytest.MonkeyPatch
):
    troubles, looked = [ZeroDivisionError("nobody thought of it")], asyncio.Event()

    async def claim(db: Database, *, limit: int) -> list[outbox.Claimed]:
        del db, limit
        if troubles:
            raise troubles.pop()
        looked.set()
        return []

    async def broke() -> bool:
        return not troubles

    monkeypatch.setattr(outbox, "claim", claim)
    monkeypatch.setattr("storage.listening.RECONNECT_SECONDS", 0)
    dispatcher = Dispatcher(bare.db, bare.client, bare.queue, ())
    async with dispatcher.running():
        dispatcher.wake()
        await eventually(broke)
        dispatcher.wake()
        await asyncio.wait_for(looked.wait(), 5)
