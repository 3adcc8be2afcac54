"""One receiver that never answers, and one that does: the second does not notice the first."""

from datetime import timedelta

from settings import CallbackSettings, WorkerSettings
from tests.callbacks.receiver import Answer, Receiver, receiving
from tests.callbacks.recording import recorded
from tests.installation import HERE, Installation, eventually, serving

MANY, SOME = 40, 10
PLACES, ALL_PLACES = 2, 6


async def test_a_receiver_that_never_answers_delays_nobody(bare: Installation, receiver: Receiver):
    settings = CallbackSettings(
        callback_networks=HERE,
        callback_timeout=timedelta(seconds=30),
        callback_slots=PLACES,
        concurrent_callbacks=ALL_PLACES,
    )
    impatient = WorkerSettings(graceful_shutdown=timedelta(0))
    async with receiving() as black_hole:
        black_hole.usually = Answer(silent=True)
        for _ in range(MANY):
            await recorded(bare, black_hole.url)
        async with serving(bare, impatient, settings):
            await black_hole.got(PLACES)
            for _ in range(SOME):
                await recorded(bare, receiver.url)
            # If anybody waited for the black hole, this would take until its attempts time out.
            await receiver.got(SOME)
            assert black_hole.connections == PLACES
            statuses = await bare.db.fetch("SELECT status FROM deliveries WHERE attempts > 0")
            assert {row["status"] for row in statuses} <= {"delivered"}


async def test_everything_reaches_a_receiver_with_few_places(
    bare: Installation, receiver: Receiver
):
    settings = CallbackSettings(callback_networks=HERE, callback_slots=1)
    for _ in range(SOME):
        await recorded(bare, receiver.url)
    async with serving(bare, callback_settings=settings):
        await receiver.got(SOME)

        async def open_ones() -> int:
            found: int = await bare.db.fetchval(
                "SELECT count(*) FROM deliveries WHERE status <> 'delivered'"
            )
            return found

        await eventually(open_ones, lambda count: count == 0)
    assert len({each.id for each in receiver.received}) == SOME
