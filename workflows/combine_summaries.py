"""Combine several summaries into one."""

from datetime import timedelta

from pydantic import BaseModel, Field, field_validator

from jobs.inputs import Words
from jobs.prompts import MATERIAL, fenced_text
from workflows.core import Job, job


class CombineSummariesInput(BaseModel):
    """Summaries, in the order in which they should be read."""

    summaries: list[str] = Field(min_length=1, max_length=500)
    summary_style: Words = Field(default="executive", max_length=200)

    @field_validator("summaries")
    @classmethod
    def _have_words(cls, summaries: list[str]) -> list[str]:
        # A single empty one may be the answer to a text without content, and does no harm.
        if not any(each.strip() for each in summaries):
            raise ValueError("only whitespace")
        return summaries


class CombineSummariesOutput(BaseModel):
    """One summary of all of them, and what to remember."""

    summary: str
    key_points: list[str]


@job(
    "combine_summaries",
    title="Combine summaries",
    expected=timedelta(seconds=30),
    failure_modes=("response_refused", "output_mismatch", "tries_exhausted"),
)
class CombineSummaries(Job[CombineSummariesInput, CombineSummariesOutput]):
    """Combine summaries of different texts into one, with its key points."""

    async def work(self, input: CombineSummariesInput) -> CombineSummariesOutput:
        return await self.respond(
            "\n".join(fenced_text("summary", each) for each in input.summaries),
            instructions="Combine the user's summaries into one, keeping figures and names. "
            f"Style: {input.summary_style}.\n\n{MATERIAL}",
            output=CombineSummariesOutput,
            summary=f"Combine {len(input.summaries)} summaries",
        )
