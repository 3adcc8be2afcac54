"""What the tests of the deeds share: scripted texts, rows without workflows, deeds called alone."""

import dataclasses
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr
from temporalio.testing import ActivityEnvironment

from activities.deeds import Deeds
from activities.opening import open_deeds
from activities.pulse import Pulse
from jobs.ids import uuid7
from jobs.model import JobRef
from jobs.options import JobOptions, ResponseOptions
from jobs.requests import ResponseRequest, StepOutcome, StepRequest, TextPart
from jobs.values import JobId
from settings import CallbackSettings, OpenAISettings, WorkerSettings
from storage import jobs as job_rows
from storage import responses
from storage.jobs import JobRow, NewJob
from storage.responses import Submit
from tests.installation import TENANT, Installation, eventually

TEXT = "The pilot ran for six weeks and cut costs by 14 percent."
MODEL = "gpt-5.1"
R = TypeVar("R")


def scripted(**script: Any) -> str:
    """Return a text whose response behaves as told."""
    return f"{TEXT} [[emulator: {json.dumps(script)}]]"


def ref(row: JobRow) -> JobRef:
    return JobRef(tenant=row.tenant, job_id=row.id, type=row.type)


@dataclass
class Bench:
    """Deeds without a worker, called as Temporal would call them."""

    house: Installation
    deeds: Deeds

    async def job(self) -> JobRef:
        """Insert a job that no workflow carries."""
        new = NewJob(
            id=JobId(uuid7(time.time_ns() // 1_000_000)),
            tenant=TENANT,
            type="summarize_text",
            payload={"text": TEXT},
            options=JobOptions(),
        )
        row, _ = await job_rows.insert(self.house.db, new)
        self.house.ids.append(row.id)
        return ref(row)

    async def step(
        self, text: str = TEXT, *, job: JobRef | None = None, **more: Any
    ) -> StepRequest:
        request = ResponseRequest(
            input=(TextPart(text=text),), options=ResponseOptions(model=MODEL)
        )
        given: dict[str, Any] = {"step_key": "1", "request": request} | more
        return StepRequest(job=job or await self.job(), **given)

    async def respond(self, step: StepRequest, pulse: Pulse | None = None) -> StepOutcome:
        """Make one attempt at a step; `pulse` is what the attempt before said last."""
        outcome = await self.run(self.deeds.responses.respond, step, pulse=pulse)
        assert isinstance(outcome, StepOutcome)
        return outcome

    async def run(
        self, deed: Callable[..., Awaitable[R]], *args: Any, pulse: Pulse | None = None
    ) -> R:
        environment = ActivityEnvironment()
        details = [pulse.model_dump(mode="json")] if pulse else []
        environment.info = dataclasses.replace(environment.info, heartbeat_details=details)
        return await environment.run(deed, *args)

    async def end(self, step: StepRequest) -> None:
        """End a step's job as failed, leaving its responses as they are."""
        await self.house.db.execute(
            "UPDATE jobs SET status = 'failed', completed_at = now() WHERE id = $1",
            step.job.job_id,
        )

    async def age(self, step: StepRequest, column: str, seconds: int) -> None:
        """Make a step's submits look older than they are."""
        await self.house.db.execute(
            f"UPDATE responses SET {column} = {column} - make_interval(secs => $2) "  # noqa: S608 # constant
            "WHERE job_id = $1",
            step.job.job_id,
            seconds,
        )

    async def submits(self, step: StepRequest) -> list[Submit]:
        return await responses.submits_of(self.house.db, step.job, step.step_key)

    async def open_intent(self, step: StepRequest, number: int = 1) -> Submit:
        """Write an intent as a worker does just before its POST."""
        intent = await responses.open_intent(
            self.house.db, step.job, step.step_key, number, model=MODEL, fingerprint="f"
        )
        assert intent is not None
        return intent

    async def submit(self, step: StepRequest) -> Submit:
        """Submit a step and die: the row is open and has an id."""
        submit, _ = await self.deeds.responses.submitter.submit(step, await self.submits(step))
        return submit


@asynccontextmanager
async def benched(house: Installation, base_url: str, **provider: Any) -> AsyncIterator[Bench]:
    """Build the deeds of an installation over a provider, with its settings where they differ."""
    async with open_deeds(
        house.client,
        house.db,
        house.objects,
        house.job_types,
        queue=house.queue,
        listen_url=house.environment["BACKBURNER_DATABASE_URL"],
        provider_settings=OpenAISettings(
            api_key=SecretStr("emulated"), base_url=base_url, **provider
        ),
        settings=WorkerSettings(),
        callback_settings=CallbackSettings(),
    ) as deeds:
        yield Bench(house, deeds)


@contextmanager
def full(house: Installation, folder: str) -> Iterator[None]:
    """Have a folder of the object store take nothing for as long as the block lasts."""
    store = Path(house.environment["BACKBURNER_OBJECTS_URL"].removeprefix("file://"))
    place, aside = store / folder, store / "aside"
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(aside)
    place.touch()  # a file, where objects need a folder
    try:
        yield
    finally:
        place.unlink()
        if aside.exists():
            aside.rename(place)


async def created(house: Installation, count: int = 1) -> list[dict[str, Any]]:
    """Wait until the emulator knows so many creates."""
    return await eventually(house.created, lambda found: len(found) >= count)


async def still_open(house: Installation) -> list[dict[str, Any]]:
    return [each for each in await house.created() if each["terminal_at"] is None]


async def states(house: Installation, job_id: JobId) -> list[str]:
    return [each.state.value for each in await house.submits(job_id)]
