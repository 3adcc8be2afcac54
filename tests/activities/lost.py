"""What the tests of lost replies and notices share."""

import itertools
import uuid
from dataclasses import dataclass

import pytest

from activities.provider import Address
from jobs.errors import SubmitUncertain
from jobs.polling import PollSchedule
from jobs.requests import StepRequest
from storage import inbox
from storage.database import Database
from storage.inbox import Notice
from storage.responses import Submit
from tests.activities.bench import MODEL, Bench, created, scripted
from tests.installation import Installation, eventually

LOST = scripted(fault="drop_after")
LOST_AND_SLOW = scripted(fault="drop_after", outcome="stuck")

numbers = itertools.count()


@dataclass(frozen=True)
class Never(PollSchedule):
    """Does not poll while the test runs: only a notice can end a wait."""

    def delay(self, waited_seconds: float, jitter: float, *, pushed: bool = False) -> float:
        del waited_seconds, jitter, pushed
        return 3600


@dataclass(frozen=True)
class Brisk(PollSchedule):
    """Polls again at once."""

    def delay(self, waited_seconds: float, jitter: float, *, pushed: bool = False) -> float:
        del waited_seconds, jitter, pushed
        return 0.02


async def put(db: Database, response_id: str, kind: str = "response.completed") -> None:
    """Write a notice down as the gateway does, and tell nobody."""
    await inbox.put(db, Notice(f"wh_{next(numbers)}_{response_id}", response_id, kind))


async def notify(db: Database, response_id: str, kind: str = "response.completed") -> None:
    await put(db, response_id, kind)
    await inbox.tell(db, [response_id])


async def complete(house: Installation, response_id: str) -> None:
    """Have the emulator end a response now."""
    reply = await house.emulator.post(f"/responses/{response_id}/complete")
    assert reply.status_code == 200


async def lose(bench: Bench, step: StepRequest) -> str:
    """Submit a step whose script loses the reply; return the id that nobody knows."""
    known = {each["id"] for each in await bench.house.created()}
    with pytest.raises(SubmitUncertain):
        await bench.respond(step)
    found = await created(bench.house, len(known) + 1)
    [lost] = [each["id"] for each in found if each["id"] not in known]
    return str(lost)


async def ledger_says(bench: Bench, step: StepRequest, *wanted: str) -> list[Submit]:
    """Wait until the step's submits have these states."""

    def fits(submits: list[Submit]) -> bool:
        return [each.state.value for each in submits] == list(wanted)

    return await eventually(lambda: bench.submits(step), fits)


async def calls(house: Installation) -> dict[str, int]:
    found: dict[str, int] = (await house.emulator.get("/calls")).json()
    return found


async def is_matched(db: Database, response_id: str) -> bool:
    open_left = "SELECT count(*) FROM inbox WHERE response_id = $1 AND matched_at IS NULL"
    return not await db.fetchval(open_left, response_id)


def address(bench: Bench, step: StepRequest, *, installation: uuid.UUID | None = None) -> Address:
    """Return what the first submit of a step has in its metadata."""
    ours = bench.deeds.responses.submitter.installation
    return Address(installation or ours, step.job.job_id, step.step_key, 1)


async def posted(
    bench: Bench,
    step: StepRequest,
    *,
    text: str = scripted(outcome="stuck"),
    installation: uuid.UUID | None = None,
) -> str:
    """Create a response that says it belongs to a step, past the ledger; return its id."""
    made = await bench.deeds.responses.submitter.provider.create(
        step.request,
        [{"type": "input_text", "text": text}],
        model=MODEL,
        address=address(bench, step, installation=installation),
    )
    return made.response.id
