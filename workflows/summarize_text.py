"""Summarise one text."""

from datetime import timedelta

from pydantic import BaseModel, Field

from jobs.inputs import Words
from jobs.prompts import MATERIAL, fenced
from workflows.core import Job, job


class SummarizeTextInput(BaseModel):
    """A text and how to summarise it."""

    text: Words = Field(max_length=400_000, examples=["The pilot ran for six weeks …"])
    summary_style: Words = Field(default="executive", max_length=200)


class SummarizeTextOutput(BaseModel):
    """The summary."""

    summary: str


@job(
    "summarize_text",
    title="Summarise a text",
    expected=timedelta(seconds=30),
    failure_modes=("response_refused", "response_incomplete", "tries_exhausted"),
)
class SummarizeText(Job[SummarizeTextInput, SummarizeTextOutput]):
    """Summarise one text in the style asked for."""

    async def work(self, input: SummarizeTextInput) -> SummarizeTextOutput:
        summary = await self.respond(
            fenced("text", input.text),
            instructions=f"Summarise the user's text in the style: {input.summary_style}."
            f"\n\n{MATERIAL}",
            summary="Summarise the text",
        )
        return SummarizeTextOutput(summary=summary)
