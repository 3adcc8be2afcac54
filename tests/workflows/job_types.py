"""Job types that do what tests want; importing this file makes `discover` find them."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field
from temporalio import workflow

from jobs.children import ChildOutcome
from jobs.errors import JobCanceled, JobFailure
from jobs.options import ResponseOptions
from workflows.core import Job, job, query, signal
from workflows.core.storable import LARGEST_JSON

T = TypeVar("T")
SHORT = timedelta(seconds=1)


class Nothing(BaseModel):
    """Fits no job's output."""


class Count(BaseModel):
    """How far to count."""

    to: int = 500


class Said(BaseModel):
    """What a job has to say in the end."""

    said: list[str] = []


class Sulking(JobFailure):
    """An error of this job type's own."""

    code = "sulking"


class End(BaseModel):
    """How a job shall end."""

    how: Literal[
        "well", "job_error", "defect", "nothing", "another_model", "unserialisable",
        "nul", "nul_in_error", "huge_progress", "huge_result", "stray_cancel",
    ]  # fmt: skip


UNSTORABLE = {
    "unserialisable": ["\ud800"],
    "nul": ["before\x00after", "a backslash: \\u0000"],
    "huge_result": ["x" * LARGEST_JSON],
}
"""What results hold that cannot be kept."""


@job("test_ends", title="End in a given way", expected=SHORT)
class Ends(Job[End, Said]):
    """End in a given way, without a single response."""

    async def work(self, input: End) -> Said:
        self.progress_to("Ending", 1, 2)
        match input.how:
            case "job_error":
                raise Sulking("no, thank you")
            case "defect":
                raise ZeroDivisionError("by nothing")
            case "nothing":
                return None  # type: ignore[return-value] # the mistake under test
            case "another_model":
                return Nothing()  # type: ignore[return-value] # the mistake under test
            case "nul_in_error":
                raise Sulking("before\x00after")
            case "huge_progress":
                self.progress_to("Counting bytes", 5_000_000_000, 9_000_000_000)
            case "stray_cancel":
                raise asyncio.CancelledError
        return Said(said=UNSTORABLE.get(input.how, ["well"]))


@job("test_quiet", title="Do nothing", expected=SHORT)
class Quiet(Job[Count, Said]):
    """End at once: the ending is all that is ever written."""

    async def work(self, input: Count) -> Said:
        return Said(said=[str(input.to)])


class Ask(BaseModel):
    """What to ask, one after another."""

    prompts: list[str]
    model: str | None = None
    max_output_tokens: int | None = None
    tools: list[dict[str, Any]] = []


@job("test_asks", title="Ask in a row", expected=SHORT)
class Asks(Job[Ask, Said]):
    """Ask for plain text, one prompt after another, counting in the progress."""

    async def work(self, input: Ask) -> Said:
        said = []
        for number, prompt in enumerate(input.prompts):
            self.progress_to("Asking", number, len(input.prompts))
            answer = await self.respond(
                prompt,
                summary=f"Ask {number}",
                options=ResponseOptions(
                    model=input.model, max_output_tokens=input.max_output_tokens
                ),
                tools=input.tools,
            )
            said.append(answer)
        self.progress_to("Asked", len(said), len(said))
        return Said(said=said)


@job("test_counts", title="Count quickly", expected=SHORT)
class Counts(Job[Count, Said]):
    """Report progress again and again without pause."""

    async def work(self, input: Count) -> Said:
        for number in range(1, input.to + 1):
            self.progress_to("Counting", number, input.to)
            await asyncio.sleep(0)
        return Said()


class Page(BaseModel, Generic[T]):
    """A generic model: its name has brackets."""

    items: list[T] = Field(min_length=1)


class Rating(BaseModel):
    """What a typed answer looks like."""

    title: str = Field(description="A short title", max_length=80)
    stars: int = Field(ge=1, le=5)
    mood: Literal["good", "bad"] | None = None


@job("test_types", title="Ask for models", expected=SHORT)
class Types(Job[Ask, Said]):
    """Ask for a model and for a generic one."""

    async def work(self, input: Ask) -> Said:
        rating = await self.respond(input.prompts[0], output=Rating, summary="Rate")
        page = await self.respond("One line.", output=Page[str], summary="Page")
        return Said(said=[rating.model_dump_json(), *page.items])


class Tree(BaseModel):
    """Prompts in branches, asked all at once within the limits."""

    branches: list[list[str]]
    limit: int = 20
    wide: bool = False


@job("test_trees", title="Ask in a tree", expected=SHORT)
class Trees(Job[Tree, Said]):
    """Ask every branch in parallel, and every leaf of it; then the same branches once more."""

    active, peak = 0, 0

    async def work(self, input: Tree) -> Said:
        self.limit = input.limit
        first = await self.gather(input.branches, self.branch, name="branches", limit=input.limit)
        if input.wide:
            await self.gather(input.branches, self.branch, name="branches")
        return Said(said=[leaf for branch in first for leaf in branch])

    async def branch(self, prompts: list[str]) -> list[str]:
        """Ask all leaves of a branch, then sum it up."""
        leaves = await self.gather(prompts, self.leaf, name="leaves", limit=self.limit)
        end = await self.respond("; ".join(leaves), summary="Sum up a branch")
        return [*leaves, end]

    async def leaf(self, prompt: str) -> str:
        """Ask one leaf, counting how many are asked at once."""
        self.active += 1
        self.peak = max(self.peak, self.active)
        try:
            return await self.respond(prompt, summary="Ask a leaf")
        finally:
            self.active -= 1

    @query
    def most_at_once(self) -> int:
        """How many leaves were asked at once at the most."""
        return self.peak


@job("test_pairs", title="Ask two things at once", expected=SHORT)
class Pairs(Job[Ask, Said]):
    """Ask with asyncio's own gather before anything else; the kit's is not used."""

    async def work(self, input: Ask) -> Said:
        asked = (self.respond(each, summary=f"Ask {each[:20]}") for each in input.prompts)
        return Said(said=list(await asyncio.gather(*asked)))


class Approval(BaseModel):
    """Somebody's decision."""

    approved: bool
    by: str = Field(min_length=1)


@job(
    "test_approvals",
    title="Wait for an approval",
    expected=SHORT,
    deadline=timedelta(minutes=5),
    failure_modes=("deadline_exceeded",),
)
class Approvals(Job[Ask, Said]):
    """Wait for an approval while the prompts are being answered."""

    decided: Approval | None = None
    nudges = 0

    async def work(self, input: Ask) -> Said:
        background = [
            asyncio.create_task(self.respond(each, summary="Meanwhile")) for each in input.prompts
        ]
        await self.wait_until(lambda: self.decided is not None, waiting_for="an approval")
        for each in background:
            await each
        return Said(said=[self.decided.by if self.decided else "nobody", str(self.nudges)])

    @signal
    def decide(self, approval: Approval) -> None:
        """Decide."""
        self.progress_to(f"Decided by {approval.by}")
        self.decided = approval

    @signal
    async def nudge(self) -> None:
        """Ask the model something on the side, and count it."""
        await self.respond("Nudged.", summary="A nudge")
        self.nudges += 1

    @signal
    def trip(self) -> None:
        """Fail in the handler."""
        raise Sulking("the handler fell")

    @query
    def decision(self) -> Approval | None:
        """The decision so far."""
        return self.decided


@job("test_ends_late", title="Run over its time", expected=SHORT)
class EndsLate(Job[Ask, Said]):
    """Ask, then let time pass, then ask again."""

    async def work(self, input: Ask) -> Said:
        await self.respond(input.prompts[0], summary="First")
        await workflow.sleep(1.5)
        return Said(said=[await self.respond(input.prompts[1], summary="Second")])


@job("test_leaves_a_task", title="Leave a task behind", expected=SHORT)
class LeavesATask(Job[Count, Said]):
    """Be done, while something of it has yet to ask."""

    async def work(self, input: Count) -> Said:
        del input
        self.left = asyncio.create_task(self.ask_late())
        return Said(said=["done"])

    async def ask_late(self) -> None:
        """Ask some turns of the loop later, when the ending is being recorded."""
        for _ in range(50):
            await asyncio.sleep(0)
        with suppress(JobCanceled):
            await self.respond("Too late.", summary="Too late")


class Pokeable(Job[Count, Said]):
    """What several job types may share; not one itself."""

    @signal
    def poke(self) -> None:
        """Poke it."""


@job("test_pokes", title="Be poked", expected=SHORT)
class Pokes(Pokeable):
    """Inherit models and signal."""

    async def work(self, input: Count) -> Said:
        return Said(said=[str(input.to)])


class Errand(BaseModel):
    """A job to run."""

    key: str
    type: str
    payload: dict[str, Any] = {}


class Family(BaseModel):
    """Jobs to run, all at once within the limit, and what to ask meanwhile and afterwards."""

    errands: list[Errand]
    prompts: list[str] = []
    limit: int = 20
    last_words: str | None = None
    is_strict: bool = False
    is_held: bool = False


class Reports(BaseModel):
    """What became of the jobs, and what was said."""

    outcomes: list[ChildOutcome] = []
    said: list[str] = []


@job("test_parents", title="Run other jobs", expected=SHORT)
class Parents(Job[Family, Reports]):
    """Run other jobs and ask something of its own meanwhile."""

    is_strict = False
    is_held = False

    async def work(self, input: Family) -> Reports:
        self.is_strict, self.is_held = input.is_strict, input.is_held
        if self.is_held:
            await self.wait_until(lambda: not self.is_held, waiting_for="a word")
        self.progress_to("Running jobs", 0, len(input.errands))
        asked = [asyncio.create_task(self.respond(p, summary="Meanwhile")) for p in input.prompts]
        outcomes = await self.gather(input.errands, self.send, name="errands", limit=input.limit)
        said = [await each for each in asked]
        if input.last_words:
            said.append(await self.respond(input.last_words, summary="Last words"))
        return Reports(outcomes=outcomes, said=said)

    @signal
    def go(self) -> None:
        """Let it begin."""
        self.is_held = False

    async def send(self, errand: Errand) -> ChildOutcome:
        """Run one job; a strict parent sulks when it fails."""
        outcome = await self.run_job(errand.type, errand.payload, key=errand.key)
        if self.is_strict and outcome.failure:
            raise Sulking(outcome.failure.message)
        return outcome
