"""One storm: clients work while things break, then calm, then every promise is checked."""

import asyncio
from contextlib import suppress
from pathlib import Path

from tests.chaos.checker import Checker
from tests.chaos.clients import Client
from tests.chaos.diary import Diary
from tests.chaos.faults import Faults
from tests.chaos.world import World, world

CLIENTS = 4

CALM_SECONDS = 180
"""How long clients may follow their jobs once nothing breaks any more; what has not ended then is
a broken promise, not a test that hangs."""

NOTICES_SECONDS = 90
"""How long the provider's last notices, the maintenance that reads them, and our last callbacks
may take; what is missing then is for the checker to tell."""

UNTOLD = "SELECT FROM deliveries WHERE status IN ('pending', 'delivering') LIMIT 1"


async def storm(folder: Path, *, seed: int, jobs: int, seconds: float) -> list[str]:
    """Run a storm and return the promises it broke.

    Args:
        folder: Where the stack keeps its data, its logs and the diary.
        seed: Decides what clients do, what the provider does, and what breaks when.
        jobs: How many jobs each client submits.
        seconds: How long things break; what is under way then has to end in calm.
    """
    diary = Diary(folder / "diary.jsonl")
    try:
        async with world(folder, seed) as here:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds + CALM_SECONDS):
                    await _rage_and_work(here, diary, seed, jobs, seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTICES_SECONDS):
                    while not await _is_settled(here):
                        await asyncio.sleep(0.5)
            return await Checker(here, diary).check()
    except BaseException as error:
        error.add_note(f"in the storm of `python -m tests.chaos --seed {seed}`; diary: {folder}")
        raise


async def _rage_and_work(here: World, diary: Diary, seed: int, jobs: int, seconds: float) -> None:
    clients = (Client(here, diary, f"{seed}-{number}") for number in range(CLIENTS))
    faults = Faults(here, diary, seed)
    async with asyncio.TaskGroup() as weather:
        raging = weather.create_task(faults.rage(seconds))
        async with asyncio.TaskGroup() as going:
            for client in clients:
                going.create_task(client.work(jobs))
        await faults.over.wait()
        raging.cancel()


async def _is_settled(here: World) -> bool:
    """Tell whether nobody has anything to say any more and everything that was said was heard."""
    created = await here.emulated("ledger")
    known = {row["response_id"] for row in await here.rows("SELECT response_id FROM responses")}
    heard = all(each["id"] in known for each in created)
    still = await here.rows("SELECT FROM responses WHERE state = 'open' LIMIT 1")
    untold = await here.rows(UNTOLD)
    return heard and not still and not untold and all(each["terminal_at"] for each in created)
