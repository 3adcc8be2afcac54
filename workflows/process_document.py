"""Read one document and return what is in it, as typed findings."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from jobs.findings import Findings, Overview, merged
from jobs.inputs import Words
from jobs.prompts import EXACT, MATERIAL, fenced
from jobs.requests import DocumentPart, InputPart, StoredText
from jobs.values import DocumentId
from workflows.core import Job, job
from workflows.core.documents import begin_document
from workflows.core.trees import reduce

GROUP_CHARACTERS, GROUP_MEMBERS, CHUNKS_AT_ONCE = 120_000, 12, 6

READ = f"""You read business documents for people who will act on your findings without opening
the document, so a wrong figure costs more than a missing one.

{MATERIAL}

{EXACT}

List the entities, dates, amounts and action items that matter to a reader of the document, each
once, the most important first, at most forty of each; leave a list empty when there is nothing for
it. An action item is something that somebody still has to do, not something done."""

COMBINE = f"""The user sends findings from consecutive parts of one long document, in order. Write
the findings of the whole document: what it is, its title, its summary and its key points.

{MATERIAL}

{EXACT}"""

FOCUS = """

The reader asks about this in particular. Answer it in `focus_findings`, from the material alone:
{focus}"""


class ProcessDocumentInput(BaseModel):
    """Which document, and what to look for in particular."""

    document_id: DocumentId = Field(description="The document to read.")
    focus: Annotated[Words, Field(max_length=4_000)] | None = Field(
        default=None,
        description="A question or a point of view: what to look for beyond the usual findings.",
        examples=["Which obligations end within a year, and what ends them?"],
    )
    document: Literal["text", "original"] = Field(
        default="text",
        description="What the model is given: the text found in the document, or the original "
        "file, with its pictures and layout, as scans need it.",
    )


class ProcessDocumentOutput(Findings):
    """What the document is and says: overview, entities, dates, amounts and action items."""

    document_id: DocumentId
    name: str
    pages: int | None = Field(description="Null where the kind has none, or the file was sent.")
    characters: int | None = Field(description="Of the text; null when the file was sent.")


@job(
    "process_document",
    title="Process a document",
    expected=timedelta(minutes=1),
    deadline=timedelta(hours=6),
    failure_modes=(
        "document_not_found",
        "document_empty",
        "document_encrypted",
        "document_has_no_text",
        "document_broken",
        "document_unsupported",
        "document_too_large",
        "attachment_too_large",
        "response_refused",
        "output_mismatch",
        "tries_exhausted",
        "deadline_exceeded",
    ),
)
class ProcessDocument(Job[ProcessDocumentInput, ProcessDocumentOutput]):
    """Find out what a document is and says: kind, title, summary, entities, dates, amounts, tasks.

    Long documents are read in chunks that fit the model's window. What several chunks found is
    listed once, and the summary is made of the summaries of all. The document's own `state` follows
    the job.
    """

    async def work(self, input: ProcessDocumentInput) -> ProcessDocumentOutput:
        self.focus = FOCUS.format(focus=input.focus) if input.focus else ""
        await begin_document(self, input.document_id)
        self.progress_to("Reading the document")
        pieces: list[StoredText | DocumentPart]
        pages, characters = None, None
        if input.document == "original":
            file = await self.attach(input.document_id)
            self.name, pieces = file.name, [file]
        else:
            text = await self.extract(input.document_id)
            self.name, pieces = text.name, [*text.chunks]
            pages, characters = text.pages, text.characters
        self.count, self.done = len(pieces), 0
        self.progress_to("Looking for findings", 0, self.count)
        numbered = list(enumerate(pieces, start=1))
        parts = await self.gather(numbered, self.read, name="chunks", limit=CHUNKS_AT_ONCE)
        overview: Overview = await reduce(
            self,
            list[Overview](parts),
            self.combine,
            size=lambda each: len(_overview(each)),
            characters=GROUP_CHARACTERS,
            members=GROUP_MEMBERS,
        )
        if not self.focus:
            overview = overview.model_copy(update={"focus_findings": []})
        return ProcessDocumentOutput(
            **merged(overview, parts).model_dump(),
            document_id=input.document_id,
            name=self.name,
            pages=pages,
            characters=characters,
        )

    async def read(self, numbered: tuple[int, StoredText | DocumentPart]) -> Findings:
        """Find what one chunk, or the whole file, holds."""
        number, piece = numbered
        part = f"{number} of {self.count}" if self.count > 1 else None
        # A file cannot be fenced off: the provider sets it apart from what is said about it.
        content: Sequence[InputPart] = (
            [piece]
            if isinstance(piece, DocumentPart)
            else fenced("document", piece, name=self.name, part=part)
        )
        found = await self.respond(
            content,
            instructions=READ + self.focus,
            output=Findings,
            summary=f"Read {self.name}" + (f", part {part}" if part else ""),
        )
        self.done += 1
        self.progress_to("Looking for findings", self.done, self.count)
        return found

    async def combine(self, parts: list[Overview]) -> Overview:
        """Make one overview of the overviews of neighbouring parts."""
        texts = [fenced("part", _overview(each)) for each in parts]
        return await self.respond(
            [piece for text in texts for piece in text],
            instructions=COMBINE + self.focus,
            output=Overview,
            summary=f"Combine {len(parts)} parts of {self.name}",
        )


def _overview(found: Overview) -> str:
    """Put an overview into words, without the lists that are merged by rule."""
    points = [f"- {each}" for each in found.key_points]
    focus = [f"- On the focus: {each}" for each in found.focus_findings]
    heading = f"{found.kind}, {found.language}: {found.title}"
    return "\n".join([heading, found.summary, *points, *focus])
