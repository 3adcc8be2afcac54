"""Find a title for a text."""

from datetime import timedelta

from pydantic import BaseModel, Field

from jobs.inputs import Words
from jobs.prompts import MATERIAL, fenced
from workflows.core import Job, job

OPENING = 4_000
"""Characters of the text that a title is made from; more costs money and changes nothing."""


class GenerateTitleInput(BaseModel):
    """The text that needs a title."""

    content: Words = Field(max_length=400_000, examples=["The pilot ran for six weeks …"])


class GenerateTitleOutput(BaseModel):
    """The title, without quotation marks."""

    title: str = Field(min_length=1, max_length=200)


@job(
    "generate_title",
    title="Generate a title",
    expected=timedelta(seconds=15),
    failure_modes=("response_refused", "output_mismatch", "tries_exhausted"),
)
class GenerateTitle(Job[GenerateTitleInput, GenerateTitleOutput]):
    """Find a short title for a text, from its opening."""

    async def work(self, input: GenerateTitleInput) -> GenerateTitleOutput:
        return await self.respond(
            fenced("text", input.content[:OPENING]),
            instructions="Give the user's text a short, concrete title of at most ten words."
            f"\n\n{MATERIAL}",
            output=GenerateTitleOutput,
            summary="Find a title",
        )
