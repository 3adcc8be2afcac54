"""A report on its way: sources, facts, outline, sections, and the whole as Markdown.

Descriptions of fields travel to the model: they are part of the prompt.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from jobs.approvals import ApprovalAsk
from jobs.inputs import Words
from jobs.values import DocumentId

CITATION = re.compile(r"\s?\[(S\d+)\]")
LARGEST_SHOWN = 100_000
"""Bytes of facts that an approver sees; the rest would be no reading for a person."""

HEADING = re.compile(r"^ {0,3}#{1,6}(?= )", re.MULTILINE)


class Source(BaseModel):
    """Something the report rests on; `id` is how the text cites it."""

    id: str
    name: str
    document_id: DocumentId | None = None
    error_code: str | None = None


class TextSource(BaseModel):
    """A text that comes with the payload."""

    text: Words = Field(max_length=200_000, examples=["The pilot ran for six weeks …"])
    name: Words = Field(default="Text", max_length=300)

    def known(self, source_id: str) -> Source:
        """Return what the report says of it."""
        return Source(id=source_id, name=self.name)


class DocumentSource(BaseModel):
    """An uploaded document."""

    document_id: DocumentId

    def known(self, source_id: str, name: str, trouble: str | None = None) -> Source:
        """Return what the report says of it; `trouble` is why it could not be read."""
        return Source(id=source_id, name=name, document_id=self.document_id, error_code=trouble)


class RecentDocuments(BaseModel):
    """The documents that were uploaded lately, for reports on a schedule."""

    newer_than_hours: float = Field(gt=0, le=24 * 366)
    at_most: int = Field(default=50, ge=1, le=200, description="The newest of them.")


AnySource = TextSource | DocumentSource | RecentDocuments
Named = tuple[str, TextSource | DocumentSource]
"""A source and the id it is cited by."""


class Notes(BaseModel):
    """What a piece of a source says about the topic."""

    facts: list[str] = Field(
        description="One fact each, a full sentence that can be understood without the others; "
        "empty when the material says nothing about the topic."
    )


class Fact(BaseModel):
    """One fact and the source that says it."""

    statement: str
    source: str


class PlannedSection(BaseModel):
    """A section that is to be written."""

    heading: str = Field(min_length=1, max_length=300)
    purpose: str = Field(
        max_length=2_000, description="What the section tells the reader, in one or two sentences."
    )
    facts: list[int] = Field(
        default=[], description="Numbers of the facts it rests on, in the order of the argument."
    )


class Outline(BaseModel):
    """The plan of a report."""

    title: str = Field(min_length=1, max_length=250)
    sections: list[PlannedSection] = Field(min_length=1, max_length=20)


class OutlineApproval(BaseModel):
    """Whether and how long a person is waited for who approves or edits the outline.

    Attributes:
        timeout_seconds: None waits until the job's deadline.
        on_timeout: What counts when nobody answers in time.
        remind_after_seconds: How often an event reminds of the open approval.
    """

    timeout_seconds: int | None = Field(default=None, ge=1, le=30 * 24 * 3600)
    on_timeout: Literal["approve", "reject", "fail"] = "fail"
    remind_after_seconds: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.on_timeout != "fail" and self.timeout_seconds is None:
            raise ValueError("on_timeout needs timeout_seconds")
        return self

    def ask(
        self, topic: str, outline: Outline, facts: Sequence[Fact], sources: Iterable[Source]
    ) -> ApprovalAsk:
        """Return what is shown to the approver: the outline, and as many facts as fit."""
        text = numbered(facts).encode()[:LARGEST_SHOWN].decode(errors="ignore")
        reminder = self.remind_after_seconds
        return ApprovalAsk(
            key="outline",
            title=f"Outline of {_line(outline.title)}",
            shown={
                "topic": topic,
                "outline": outline.model_dump(),
                "facts": text.splitlines(),
                "sources": [each.model_dump(mode="json", exclude_none=True) for each in sources],
            },
            timeout=timedelta(seconds=self.timeout_seconds) if self.timeout_seconds else None,
            default=None if self.on_timeout == "fail" else self.on_timeout,
            remind_after=timedelta(seconds=reminder) if reminder else None,
        )


class SectionText(BaseModel):
    """The text of one section, without its heading."""

    text: str = Field(
        description="Paragraphs, lists and tables in Markdown, without headings; behind every "
        "statement the source it comes from, as in [S1]."
    )


class Frame(BaseModel):
    """What stands around the sections."""

    title: str = Field(
        min_length=1, max_length=300, description="What the report finds, in at most twelve words."
    )
    summary: str = Field(description="What a hurried reader must know, in three to six sentences.")


class Section(BaseModel):
    """A section as it was written; `sources` are the ids of those it cites."""

    heading: str
    text: str
    sources: list[str]


class Report(BaseModel):
    """A report, in parts and as Markdown."""

    title: str
    summary: str
    sections: list[Section]
    sources: list[Source]
    markdown: str


def named(sources: Iterable[TextSource | DocumentSource]) -> list[Named]:
    """Name the sources S1, S2 and so on; a document that is meant twice is one source."""
    found: dict[object, TextSource | DocumentSource] = {}
    for place, each in enumerate(sources):
        found.setdefault(each.document_id if isinstance(each, DocumentSource) else place, each)
    return [(f"S{number}", each) for number, each in enumerate(found.values(), start=1)]


def weighed(pieces: Iterable[list[Fact]], characters: int) -> list[Fact]:
    """Keep facts of all pieces up to this length: first the most important of each, then the next.

    Each piece has its own in the order of importance; what is kept stays in the pieces' order.
    """
    ranked = sorted(
        (
            (rank, place, fact)
            for place, piece in enumerate(pieces)
            for rank, fact in enumerate(_spoken(piece))
        ),
        key=lambda each: each[:2],
    )
    room = characters
    kept: list[tuple[int, int, Fact]] = []
    for rank, place, fact in ranked:
        room -= len(fact.statement)
        if room < 0 and kept:
            break
        kept.append((place, rank, fact))
    return [fact for _, _, fact in sorted(kept, key=lambda each: each[:2])]


def bounded(outline: Outline, most: int) -> Outline:
    """Keep this many sections at the most; the last one takes the facts of those left out."""
    kept, spare = outline.sections[:most], outline.sections[most:]
    facts = [number for section in (kept[-1], *spare) for number in section.facts]
    last = kept[-1].model_copy(update={"facts": list(dict.fromkeys(facts))})
    return outline.model_copy(update={"sections": [*kept[:-1], last]})


def numbered(facts: Sequence[Fact], wanted: Iterable[int] = ()) -> str:
    """Put facts before a reader, one per line: those whose numbers are wanted, or all of them."""
    numbers = [n for n in dict.fromkeys(wanted) if 1 <= n <= len(facts)]
    chosen = [(n, facts[n - 1]) for n in numbers or range(1, len(facts) + 1)]
    return "\n".join(f"{n}. {_line(fact.statement)} [{fact.source}]" for n, fact in chosen)


def headings(outline: Outline) -> str:
    """Put an outline before a model."""
    return "\n".join(f"- {_line(each.heading)}: {each.purpose}" for each in outline.sections)


def written(heading: str, text: str, sources: Iterable[Source]) -> Section:
    """Make a section of a model's text: citations of sources there are not are taken out."""
    known = {each.id for each in sources}
    cited = [each for each in dict.fromkeys(CITATION.findall(text)) if each in known]
    text = CITATION.sub(lambda found: found[0] if found[1] in known else "", text)
    return Section(
        heading=_line(CITATION.sub("", heading)),
        text=HEADING.sub("###", text).strip(),
        sources=cited,
    )


def assembled(frame: Frame, sections: list[Section], sources: list[Source]) -> Report:
    """Put a report together."""
    title = _line(CITATION.sub("", frame.title))
    parts = [f"# {title}", frame.summary.strip()]
    for each in sections:
        parts += [f"## {each.heading}", each.text]
    listed = [f"- [{each.id}] {_line(each.name)}{_trouble(each)}" for each in sources]
    parts += ["## Sources", "\n".join(listed)]
    return Report(
        title=title,
        summary=frame.summary.strip(),
        sections=sections,
        sources=sources,
        markdown="\n\n".join(parts) + "\n",
    )


def in_words(section: Section) -> str:
    """Put a section before a model."""
    return f"## {section.heading}\n\n{section.text}"


def _spoken(facts: Iterable[Fact]) -> Iterator[Fact]:
    return (each for each in facts if each.statement.strip())


def _line(text: str) -> str:
    return " ".join(text.split())


def _trouble(source: Source) -> str:
    return f" (could not be read: {source.error_code})" if source.error_code else ""
