"""Facts, outlines and sections become a report."""

import pytest
from pydantic import TypeAdapter, ValidationError

from jobs.ids import uuid7
from jobs.reports import (
    AnySource,
    DocumentSource,
    Fact,
    Frame,
    Outline,
    OutlineApproval,
    PlannedSection,
    Source,
    TextSource,
    assembled,
    bounded,
    named,
    numbered,
    weighed,
    written,
)
from jobs.values import DocumentId

FACTS = [Fact(statement=f"Fact {n}.", source=f"S{n}") for n in range(1, 5)]
SOURCES = [Source(id="S1", name="one.md"), Source(id="S2", name="two\n.md", error_code="x_y")]


def outline(*facts: list[int]) -> Outline:
    sections = [PlannedSection(heading=f"H{n}", purpose="", facts=f) for n, f in enumerate(facts)]
    return Outline(title="T", sections=sections)


def test_facts_are_numbered_and_only_those_wanted_are_shown():
    assert numbered(FACTS[:2]) == "1. Fact 1. [S1]\n2. Fact 2. [S2]"
    assert numbered(FACTS, [3, 99, 1, 3]) == "3. Fact 3. [S3]\n1. Fact 1. [S1]"
    assert numbered(FACTS, [99]) == numbered(FACTS)


def test_when_facts_are_too_many_each_piece_keeps_its_most_important_ones():
    pieces = [[Fact(statement=f"{p}{n}" * 5, source=p) for n in range(3)] for p in "ab"]
    kept = [each.statement[:2] for each in weighed(pieces, 40)]
    assert kept == ["a0", "a1", "b0", "b1"]
    assert len(weighed(pieces, 1_000)) == 6
    assert [each.statement[:2] for each in weighed(pieces, 1)] == ["a0"]


def test_empty_facts_are_left_out():
    assert weighed([[Fact(statement=" ", source="S1")]], 100) == []


def test_an_outline_that_is_too_long_leaves_its_facts_to_the_last_section():
    kept = bounded(outline([1], [2, 3], [3, 4], [5]), 2)
    assert [each.facts for each in kept.sections] == [[1], [2, 3, 4, 5]]
    assert bounded(outline([1], [2]), 2) == outline([1], [2])


def test_a_section_keeps_only_citations_of_sources_there_are_and_brings_no_headings():
    section = written("On  it [S1]", "# Big\nIt rose [S1], fell [S9] and rose. [S1]\n", SOURCES)
    assert section.heading == "On it"
    assert section.text == "### Big\nIt rose [S1], fell and rose. [S1]"
    assert section.sources == ["S1"]


def test_a_report_lists_its_sections_and_sources():
    sections = [written("First", "It rose. [S1]", SOURCES)]
    report = assembled(Frame(title="It\nrose [S1]", summary=" All rose. "), sections, SOURCES)
    assert report.markdown == (
        "# It rose\n\nAll rose.\n\n## First\n\nIt rose. [S1]\n\n## Sources\n\n"
        "- [S1] one.md\n- [S2] two .md (could not be read: x_y)\n"
    )


def test_a_document_that_is_meant_twice_is_one_source():
    document = DocumentSource(document_id=DocumentId(uuid7(1)))
    text = TextSource(text="same")
    found = named([document, text, document, text])
    assert found == [("S1", document), ("S2", text), ("S3", text)]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"text": "It rose.", "name": "x"}, "TextSource"),
        ({"document_id": str(uuid7(1))}, "DocumentSource"),
        ({"newer_than_hours": 24}, "RecentDocuments"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_source_is_told_by_its_members(given, kind):
    assert type(TypeAdapter(AnySource).validate_python(given)).__name__ == kind


def test_a_default_needs_a_time_after_which_it_counts():
    with pytest.raises(ValidationError, match="on_timeout needs timeout_seconds"):
        OutlineApproval(on_timeout="approve")


def test_what_is_shown_to_an_approver_stays_small_enough_to_be_kept():
    facts = [Fact(statement="ä" * 900, source="S1")] * 500
    ask = OutlineApproval(timeout_seconds=60, on_timeout="reject").ask("T", outline([1]), facts, [])
    assert (ask.default, ask.timeout is not None) == ("reject", True)
    assert len(str(ask.shown).encode()) < 110_000
