"""Job types that ask people; importing this file makes `discover` find them."""

import asyncio
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field, model_validator

from jobs.approvals import ApprovalAsk
from jobs.errors import ApprovalEditsUnfit, JobFailure
from workflows.core import Job, job

SHORT = timedelta(seconds=1)


class Asked(BaseModel):
    """What to ask, each at once, and in how many rounds."""

    asks: list[dict[str, Any]]
    prompts: list[str] = []
    rounds: int = 1
    fails_meanwhile: bool = False


class Decided(BaseModel):
    """What was decided, in the order of asking."""

    decisions: list[dict[str, Any]] = []


class Fell(JobFailure):
    """Something else failed meanwhile."""

    code = "fell"


@job("test_asks_people", title="Ask people", expected=SHORT, deadline=timedelta(minutes=5))
class AsksPeople(Job[Asked, Decided]):
    """Ask for all approvals at once, round after round."""

    async def work(self, input: Asked) -> Decided:
        found: list[dict[str, Any]] = []
        for number in range(input.rounds):
            suffix = f".{number}" if number else ""
            asks = [{**each, "key": each["key"] + suffix} for each in input.asks]
            found += await asyncio.gather(*map(self.ask, asks))
        for each in input.prompts:
            await self.respond(each, summary="Afterwards")
        return Decided(decisions=found)

    async def ask(self, ask: dict[str, Any]) -> dict[str, Any]:
        if "code_point" in ask:
            # Postgres would not take the character itself in a payload.
            ask["shown"] = chr(ask["code_point"])
        decision = await self.approval(ApprovalAsk.model_validate(ask))
        return decision.model_dump(mode="json")


class Outline(BaseModel):
    """What an approver may edit."""

    headings: list[str] = Field(min_length=1)


@job("test_asks_for_edits", title="Ask for edits", expected=SHORT, deadline=timedelta(minutes=5))
class AsksForEdits(Job[Asked, Outline]):
    """Show an outline and return it as it was approved."""

    async def work(self, input: Asked) -> Outline:
        del input
        outline = Outline(headings=["One", "Two"])
        ask = ApprovalAsk(key="outline", title="The outline", shown=outline)
        decision = await self.approval(ask, edits=Outline)
        return Outline.model_validate(decision.edits) if decision.edits else outline


class Span(BaseModel):
    """What no JSON Schema can check."""

    first: int
    last: int

    @model_validator(mode="after")
    def _in_order(self) -> "Span":
        if self.first > self.last:
            raise ValueError("the first comes after the last")
        return self


@job("test_asks_for_a_span", title="Ask for a span", expected=SHORT)
class AsksForASpan(Job[Asked, Decided]):
    """Ask again when the edits do not fit."""

    async def work(self, input: Asked) -> Decided:
        span = Span(first=1, last=2)
        for key in ("first", "again"):
            ask = ApprovalAsk(key=key, title="The span", shown=span)
            try:
                decision = await self.approval(ask, edits=Span)
            except ApprovalEditsUnfit:
                if input.rounds == 1:
                    raise
                continue
            return Decided(decisions=[decision.model_dump(mode="json")])
        return Decided()


@job("test_gives_up_asking", title="Give up asking", expected=SHORT)
class GivesUpAsking(Job[Asked, Decided]):
    """Lose one branch to another's failure, go on, and ask again."""

    async def work(self, input: Asked) -> Decided:
        del input
        try:
            await self.gather(["first", "fall"], self.branch, name="branches")
        except Fell:
            self.progress_to("Fell")
        decision = await self.approval(ApprovalAsk(key="second", title="The second"))
        return Decided(decisions=[decision.model_dump(mode="json")])

    async def branch(self, name: str) -> None:
        if name == "fall":
            await self.wait_until(lambda: False, waiting_for="a fall", timeout=SHORT)
            raise Fell("it fell")
        await self.approval(ApprovalAsk(key=name, title="The first"))
