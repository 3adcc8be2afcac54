"""One storm: clients work while things break, then calm, then every promise is checked."""

import asyncio
from pathlib import Path

from tests.chaos.checker import Checker
from tests.chaos.clients import Client
from tests.chaos.diary import Diary
from tests.chaos.faults import Faults
from tests.chaos.world import World, world

CLIENTS = 4

NOTICES_SECONDS = 90
"""How long the provider's last notices, and the maintenance that reads them, may take."""


async def storm(folder: Path, *, seed: int, jobs: int, seconds: float) -> list[str]:
    """Run a storm and return the promises it broke.

    Args:
        folder: Where the stack keeps its data, its logs and the diary.
        seed: Decides what clients do, what the provider does, and what breaks when.
        jobs: How many jobs each client submits.
        seconds: How long things break; what is under way then has to end in calm.
    """
    diary = Diary(folder / "diary.jsonl")
    async with world(folder) as here:
        clients = (Client(here, diary, f"{seed}-{number}") for number in range(CLIENTS))
        async with asyncio.TaskGroup() as going:
            going.create_task(Faults(here, diary, seed).rage(seconds))
            for client in clients:
                going.create_task(client.work(jobs))
        await _settled(here)
        return await Checker(here, diary).check()


async def _settled(here: World) -> None:
    """Wait until the provider has nothing to say any more and everything it said was heard."""
    async with asyncio.timeout(NOTICES_SECONDS):
        while not await _is_settled(here):
            await asyncio.sleep(0.5)


async def _is_settled(here: World) -> bool:
    created = await here.emulated("ledger")
    known = {row["response_id"] for row in await here.rows("SELECT response_id FROM responses")}
    heard = all(each["id"] in known for each in created)
    still = await here.rows("SELECT FROM responses WHERE state = 'open' LIMIT 1")
    return heard and not still and all(each["terminal_at"] for each in created)
