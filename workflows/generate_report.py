"""Write a report on a topic from texts and documents: facts, outline, sections, summary."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, Field
from temporalio.exceptions import ActivityError

from jobs import reports
from jobs.approvals import why_rejected
from jobs.chunking import split
from jobs.errors import ApprovalRejected, NoSources
from jobs.inputs import Words
from jobs.prompts import fenced
from jobs.report_prompts import FRAME, PLAN, READ, REMARK, WRITE
from jobs.reports import Fact, Outline, Section, Source
from jobs.requests import StoredText
from workflows.core import Job, job
from workflows.core.documents import recent_documents
from workflows.core.failures import document_name_of, failure_of

AT_ONCE, PIECE_CHARACTERS, FACTS_CHARACTERS, MOST_FACTS = 12, 100_000, 120_000, 40
"""Steps at once; a piece of a text; facts an outline is made of; how many one piece may give."""

Read = tuple[Source, list[str | StoredText]]


class GenerateReportInput(BaseModel):
    """What the report is about, what it rests on, and how it is to be written."""

    topic: Words = Field(
        max_length=10_000,
        description="The question to answer, or the brief: who reads it, and what for.",
        examples=["Should we extend the pilot? For the board, which decides on Friday."],
    )
    sources: list[reports.AnySource] = Field(
        min_length=1, max_length=100, description="Texts, documents, or all recent documents."
    )
    style: Words = Field(default="sober and factual, for managers", max_length=500)
    sections: int = Field(default=6, ge=1, le=20, description="How many at the most.")
    words_per_section: int = Field(default=250, ge=50, le=2_000)
    approve_outline: reports.OutlineApproval | None = Field(
        default=None, description="Let a person approve or edit the outline before it is written."
    )
    unreadable: Literal["fail", "skip"] = Field(
        default="fail", description="What to do about a document that cannot be read."
    )


class GenerateReportOutput(reports.Report):
    """The report in parts and as Markdown, and who approved its outline."""

    approved_by: str | None = None
    outline_was_edited: bool = False


@job(
    "generate_report",
    title="Generate a report",
    expected=timedelta(minutes=4),
    deadline=timedelta(days=7),
    failure_modes=(
        "no_sources",
        "document_not_found",
        "document_encrypted",
        "document_has_no_text",
        "document_unsupported",
        "approval_rejected",
        "approval_timed_out",
        "response_refused",
        "output_mismatch",
        "tries_exhausted",
        "deadline_exceeded",
    ),
)
class GenerateReport(Job[GenerateReportInput, GenerateReportOutput]):
    """Write a report on a topic from texts and documents: cited sections, title and summary.

    Facts are collected from every source, an outline is made of them, its sections are written in
    parallel, and title and summary come last. With `approve_outline` a person approves or edits the
    outline first. With `unreadable: "skip"` a document that cannot be read is listed as such.
    """

    approved_by: str | None = None
    was_edited, remark, done = False, "", 0

    async def work(self, input: GenerateReportInput) -> GenerateReportOutput:
        self.input, self.brief = input, {"topic": input.topic, "style": input.style}
        self.progress_to("Reading sources")
        read = await self.gather(await self.named(), self.read, name="sources", limit=AT_ONCE)
        self.sources = [source for source, _ in read]
        self.facts = await self.collect([(s, piece) for s, pieces in read for piece in pieces])
        self.outline = await self.plan()
        if input.approve_outline:
            await self.approve(input.approve_outline)
        self.done = 0
        self.progress_to("Writing sections", 0, len(self.outline.sections))
        planned = self.outline.sections
        sections = await self.gather(planned, self.write, name="sections", limit=AT_ONCE)
        frame = await self.respond(
            [part for each in sections for part in fenced("section", reports.in_words(each))],
            instructions=FRAME.format(**self.brief),
            output=reports.Frame,
            summary="Write title and summary",
        )
        return GenerateReportOutput(
            **reports.assembled(frame, sections, self.sources).model_dump(),
            approved_by=self.approved_by,
            outline_was_edited=self.was_edited,
        )

    async def named(self) -> list[reports.Named]:
        """List the sources, each with the id that the text cites it by."""
        listed: list[reports.TextSource | reports.DocumentSource] = []
        for each in self.input.sources:
            if isinstance(each, reports.RecentDocuments):
                age = timedelta(hours=each.newer_than_hours)
                ids = await recent_documents(self, age, each.at_most)
                listed += [reports.DocumentSource(document_id=each) for each in ids]
            else:
                listed.append(each)
        if not listed:
            raise NoSources("no document is as recent as the sources ask for")
        return reports.named(listed)

    async def read(self, named: reports.Named) -> Read:
        """Return a source and its text, in pieces that a model can read."""
        name, source = named
        if isinstance(source, reports.TextSource):
            return source.known(name), [*split(source.text, PIECE_CHARACTERS)]
        try:
            document = await self.extract(source.document_id)
        except ActivityError as error:
            if self.input.unreadable == "fail":
                raise
            title = document_name_of(error) or "Document"
            return source.known(name, title, failure_of(error).code), []
        return source.known(name, document.name), [*document.chunks]

    async def collect(self, pieces: list[tuple[Source, str | StoredText]]) -> list[Fact]:
        """Collect the facts that matter from every piece of every source."""
        self.total = len(pieces)
        self.progress_to("Collecting facts", 0, self.total)
        found = await self.gather(pieces, self.facts_of, name="pieces", limit=AT_ONCE)
        facts = reports.weighed(found, FACTS_CHARACTERS)
        if not facts:
            raise NoSources(f"none of {len(self.sources)} sources says anything about the topic")
        return facts

    async def facts_of(self, piece: tuple[Source, str | StoredText]) -> list[Fact]:
        """Collect the facts of one piece."""
        source, text = piece
        notes = await self.respond(
            fenced("source", text, id=source.id, name=source.name),
            instructions=READ.format(most=MOST_FACTS, topic=self.input.topic),
            output=reports.Notes,
            summary=f"Collect facts from {source.name}",
        )
        self.done += 1
        self.progress_to("Collecting facts", self.done, self.total)
        return [Fact(statement=each, source=source.id) for each in notes.facts[:MOST_FACTS]]

    async def plan(self) -> Outline:
        """Make an outline of the facts."""
        self.progress_to("Planning the report")
        outline = await self.respond(
            fenced("facts", reports.numbered(self.facts)),
            instructions=PLAN.format(sections=self.input.sections, topic=self.input.topic),
            output=Outline,
            summary="Plan the report",
        )
        return reports.bounded(outline, self.input.sections)

    async def approve(self, wanted: reports.OutlineApproval) -> None:
        """Show the outline to a person, and go on with what the person makes of it."""
        ask = wanted.ask(self.input.topic, self.outline, self.facts, self.sources)
        decision = await self.approval(ask, edits=Outline)
        if not decision.approved:
            raise ApprovalRejected(why_rejected(decision))
        self.approved_by, self.was_edited = decision.decided_by, decision.edits is not None
        if decision.edits is not None:
            self.outline = Outline.model_validate(decision.edits)
        if decision.comment:
            self.remark = REMARK.format(comment=decision.comment)

    async def write(self, section: reports.PlannedSection) -> Section:
        """Write one section."""
        words = self.input.words_per_section
        answer = await self.respond(
            [
                *fenced("outline", reports.headings(self.outline)),
                *fenced("section", f"{section.heading}\n{section.purpose}"),
                *fenced("facts", reports.numbered(self.facts, section.facts)),
            ],
            instructions=WRITE.format(words=words, remark=self.remark, **self.brief),
            output=reports.SectionText,
            summary=f"Write {section.heading}",
        )
        self.done += 1
        self.progress_to("Writing sections", self.done, len(self.outline.sections))
        return reports.written(section.heading, answer.text, self.sources)
