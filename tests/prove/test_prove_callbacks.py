"""Callbacks outlive the workers that send them; what a kill costs is time, never a callback."""

import time
from collections import Counter

import pytest

from jobs.callbacks import DeliveryStatus
from storage import deliveries
from tests.callbacks.receiver import Answer, Receiver, receiving
from tests.callbacks.recording import recorded
from tests.callbacks.test_telling import of_job
from tests.installation import TENANT, Installation, eventually

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]

MANY = 8
"""As many as a receiver gets at the same time."""


async def open_ones(house: Installation) -> int:
    found: int = await house.db.fetchval(
        "SELECT count(*) FROM deliveries WHERE status IN ('pending', 'delivering')"
    )
    return found


async def test_a_worker_killed_in_mid_delivery_is_followed_by_one_that_delivers(
    bare: Installation,
):
    async with receiving() as receiver:
        receiver.usually = Answer(silent=True)
        ids = [await recorded(bare, receiver.url) for _ in range(MANY)]
        async with bare.worker_process("first") as first:
            await receiver.got(MANY)
            await first.kill()
        began = time.monotonic()
        receiver.usually = Answer()
        async with bare.worker_process("second"):
            await eventually(lambda: open_ones(bare), lambda count: count == 0)
        took = time.monotonic() - began
        print(f"{MANY} deliveries cut off by a kill: all delivered {took:.1f} s later")

        found = [(await of_job(bare, job_id))[0] for job_id in ids]
        assert {each.status for each in found} == {DeliveryStatus.DELIVERED}
        assert Counter(each.id for each in receiver.received) == {str(each.id): 2 for each in found}


async def test_a_worker_killed_before_it_dispatched_loses_nothing(bare: Installation):
    async with receiving() as receiver:
        async with bare.worker_process("first") as first:
            await recorded(bare, receiver.url)
            await receiver.got()
            await first.kill()
        ids = [await recorded(bare, receiver.url) for _ in range(MANY)]
        # As if it had died right after it took them.
        await bare.db.execute(
            "UPDATE deliveries SET claimed_until = now() + interval '30 seconds' "
            "WHERE status = 'pending'"
        )
        began = time.monotonic()
        async with bare.worker_process("second"):
            await eventually(lambda: open_ones(bare), lambda count: count == 0)
        took = time.monotonic() - began
        print(f"{MANY} rows taken by a dead dispatcher: all delivered {took:.1f} s later")
        for job_id in ids:
            [found] = await of_job(bare, job_id)
            assert (found.status, found.attempts) == (DeliveryStatus.DELIVERED, 1)
        assert len({each.id for each in receiver.received}) == MANY + 1


async def test_a_delivery_whose_workflow_was_terminated_is_taken_up_again(
    house: Installation,
):
    async with receiving() as receiver:
        await taken_up_again(house, receiver)


async def taken_up_again(house: Installation, receiver: Receiver) -> None:
    receiver.answers = [Answer(503, {"Retry-After": "3600"})]
    job_id = await recorded(house, receiver.url)
    [delivery] = await eventually(
        lambda: of_job(house, job_id), lambda rows: rows and rows[0].attempts == 1
    )
    await house.client.get_workflow_handle(str(delivery.id)).terminate("an operator's whim")
    # An hour and ten minutes later, as far as the row knows.
    await house.db.execute("UPDATE deliveries SET next_attempt_at = now() - interval '11 minutes'")
    await receiver.got(2)

    async def standing() -> DeliveryStatus:
        return (await deliveries.get(house.db, TENANT, delivery.id)).status

    await eventually(standing, lambda status: status is DeliveryStatus.DELIVERED)
    assert len({each.id for each in receiver.received}) == 1
