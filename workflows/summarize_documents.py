"""Summarise up to 200 documents: each one in parallel, then all of them in a tree."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, Field
from temporalio.exceptions import ActivityError

from jobs.errors import DocumentFailure
from jobs.inputs import EachOnce, Words
from jobs.prompts import MATERIAL, fenced, fenced_text
from jobs.requests import DocumentPart, ExtractedDocument, InputPart, StoredText
from jobs.values import DocumentId
from workflows.core import Job, job
from workflows.core.failures import document_name_of, failure_of
from workflows.core.trees import reduce

GROUP_CHARACTERS, GROUP_MEMBERS = 120_000, 12
"""What one step of the tree combines at the most: more blurs the single document."""

DOCUMENTS_AT_ONCE, CHUNKS_AT_ONCE = 12, 4


class SummarizeDocumentsInput(BaseModel):
    """Which documents, and how."""

    document_ids: EachOnce[DocumentId] = Field(
        min_length=1, max_length=200, description="Each is named once."
    )
    summary_style: Words = Field(default="executive", max_length=200)
    user_id: str | None = Field(default=None, max_length=200)
    documents: Literal["text", "original"] = Field(
        default="text",
        description="What the model is given: the text found in each document, or the original "
        "file, with its pictures and layout.",
    )
    unreadable: Literal["fail", "skip"] = Field(
        default="fail", description="What to do about a document that cannot be read."
    )


class Digest(BaseModel):
    """A summary with what to remember."""

    summary: str
    key_points: list[str]


class DocumentNote(BaseModel):
    """What one document says, or why it could not be read."""

    document_id: DocumentId
    name: str = ""
    summary: str = ""
    key_points: list[str] = []
    error_code: str | None = None
    error_message: str | None = None


class SummarizeDocumentsOutput(BaseModel):
    """One summary of all documents, its key points, and a note per document."""

    summary: str
    key_points: list[str]
    documents: list[DocumentNote]


@job(
    "summarize_documents",
    title="Summarise documents",
    expected=timedelta(minutes=2),
    deadline=timedelta(hours=6),
    failure_modes=(
        "document_not_found",
        "document_encrypted",
        "document_has_no_text",
        "document_broken",
        "document_unsupported",
        "attachment_too_large",
        "response_refused",
        "output_mismatch",
        "tries_exhausted",
        "deadline_exceeded",
    ),
)
class SummarizeDocuments(Job[SummarizeDocumentsInput, SummarizeDocumentsOutput]):
    """Summarise documents in the style asked for, with key points and a note per document.

    Long documents are cut into chunks that fit the model's window. With `unreadable: "skip"` a
    document that cannot be read becomes a note with an error instead of failing the job.
    """

    done = 0

    async def work(self, input: SummarizeDocumentsInput) -> SummarizeDocumentsOutput:
        self.style, self.unreadable = input.summary_style, input.unreadable
        self.read = self.attach if input.documents == "original" else self.extract
        self.total = len(input.document_ids)
        self.progress_to("Reading documents", 0, self.total)
        notes = await self.gather(
            input.document_ids, self.note, name="documents", limit=DOCUMENTS_AT_ONCE
        )
        digests = [Digest(summary=n.summary, key_points=n.key_points) for n in notes if n.summary]
        self.progress_to("Combining summaries", self.total, self.total)
        if not digests:
            why = next((n.error_message for n in notes if n.error_message), "no summary has words")
            raise DocumentFailure(f"none of {self.total} could be summarised; the first: {why}")
        whole = await self.reduce(digests)
        return SummarizeDocumentsOutput(**whole.model_dump(), documents=notes)

    async def note(self, document_id: DocumentId) -> DocumentNote:
        """Read and summarise one document, and count it."""
        try:
            document = await self.read(document_id)
        except ActivityError as error:
            if self.unreadable == "fail":
                raise
            why = failure_of(error)
            note = DocumentNote(
                document_id=document_id,
                name=document_name_of(error),
                error_code=why.code,
                error_message=why.message,
            )
        else:
            digest = await self.digest(document)
            note = DocumentNote(document_id=document_id, name=document.name, **digest.model_dump())
        self.done += 1
        self.progress_to("Summarising documents", self.done, self.total)
        return note

    async def digest(self, document: ExtractedDocument | DocumentPart) -> Digest:
        """Summarise a document, chunk by chunk or all at once."""

        async def of_parts(parts: Sequence[InputPart]) -> Digest:
            return await self.respond(
                parts,
                instructions="Summarise the user's document and list its key points, keeping "
                f"figures, dates and names exact. Style: {self.style}.\n\n{MATERIAL}",
                output=Digest,
                summary=f"Summarise {document.name}",
            )

        async def of_chunk(chunk: StoredText) -> Digest:
            return await of_parts(fenced("document", chunk, name=document.name))

        # A file cannot be fenced off: the provider sets it apart from what is said about it.
        if isinstance(document, DocumentPart):
            return await of_parts([document])
        return await self.reduce(
            await self.gather(document.chunks, of_chunk, name="chunks", limit=CHUNKS_AT_ONCE)
        )

    async def reduce(self, digests: list[Digest]) -> Digest:
        """Combine digests, group by group, until one is left."""
        return await reduce(
            self,
            digests,
            self.combine,
            size=lambda each: len(each.model_dump_json()),
            characters=GROUP_CHARACTERS,
            members=GROUP_MEMBERS,
        )

    async def combine(self, digests: list[Digest]) -> Digest:
        """Combine a group of digests into one."""
        return await self.respond(
            "\n".join(fenced_text("summary", _in_words(each)) for each in digests),
            instructions="Combine the user's summaries into one and list the key points, keeping "
            f"figures, dates and names exact. Style: {self.style}.\n\n{MATERIAL}",
            output=Digest,
            summary=f"Combine {len(digests)} summaries",
        )


def _in_words(digest: Digest) -> str:
    return "\n".join([digest.summary, *(f"- {point}" for point in digest.key_points)])
