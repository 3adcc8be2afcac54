"""The example documents are whole, and what their list of facts claims stands in them."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

from activities.extraction.extract import ExtractedText, extract

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCUMENTS = sorted((EXAMPLES / "documents").iterdir())
FACTS: dict[str, list[str]] = json.loads((EXAMPLES / "facts.json").read_text(encoding="utf-8"))
KINDS = {
    "quarterly report",
    "incident post-mortem",
    "customer interviews",
    "security audit",
    "supplier contract summary",
    "product roadmap",
    "support ticket digest",
    "hr survey",
    "board minutes",
    "market study",
    "remediation plan",
    "press release",
    "spare part",
}
SHORT = {".docx", ".html", ".csv"}
"""One of each, so that every kind that can be read is there."""

KIND_OF = {
    ".pdf": "pdf",
    ".md": "markdown",
    ".txt": "text",
    ".docx": "docx",
    ".html": "html",
    ".csv": "csv",
}

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def text_of(document: Path) -> str:
    """Return the words of a document with single spaces between them."""
    if document.suffix in (".docx", ".html"):
        return " ".join(read(document).text.split())
    if document.suffix != ".pdf":
        return " ".join(document.read_text(encoding="utf-8").split())
    with pypdfium2.PdfDocument(document) as pdf:
        pages = [pdf[number].get_textpage().get_text_range() for number in range(len(pdf))]
    return " ".join(" ".join(pages).split())


def read(document: Path) -> ExtractedText:
    return asyncio.run(extract(document, name=document.name))


def pages_of(document: Path) -> int:
    with pypdfium2.PdfDocument(document) as pdf:
        return len(pdf)


@pytest.fixture(scope="module")
def typeset_anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("typeset")
    script = EXAMPLES / "typeset.py"
    subprocess.run([sys.executable, "-W", "error", script, "--into", into], check=True)
    return into


def test_there_are_three_documents_or_more_of_each_common_format_and_one_of_the_others() -> None:
    suffixes = [document.suffix for document in DOCUMENTS]
    assert set(suffixes) == {".pdf", ".md", ".txt"} | SHORT
    assert all(suffixes.count(suffix) >= 3 for suffix in set(suffixes) - SHORT)
    assert all(suffixes.count(suffix) == 1 for suffix in SHORT)


@each_document
def test_a_document_is_read_as_what_it_is(document: Path) -> None:
    assert read(document).kind == KIND_OF[document.suffix]


def test_a_page_says_nothing_that_its_reader_does_not_see() -> None:
    [page] = (each for each in DOCUMENTS if each.suffix == ".html")
    assert "not for publication" in page.read_text(encoding="utf-8")
    assert "not for publication" not in text_of(page)
    assert "dataLayer" not in text_of(page)


def test_every_kind_of_document_is_there_once() -> None:
    openings = [text_of(document)[:80].lower() for document in DOCUMENTS]
    assert {kind: sum(kind in opening for opening in openings) for kind in KINDS} == dict.fromkeys(
        KINDS, 1
    )


@each_document
def test_a_document_is_as_long_as_its_format_calls_for(document: Path) -> None:
    least = 100 if document.suffix in SHORT else 1000
    assert least <= len(text_of(document).split()) <= 2500
    if document.suffix == ".pdf":
        assert 3 <= pages_of(document) <= 6


@each_document
def test_a_documents_facts_stand_in_its_text(document: Path) -> None:
    text = text_of(document)
    facts = FACTS[document.name]
    assert len(facts) == 5
    assert [fact for fact in facts if fact not in text] == []


def test_the_facts_for_people_and_for_programs_are_the_same() -> None:
    assert set(FACTS) == {document.name for document in DOCUMENTS}
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    quoted = {line[3:-1] for line in readme.splitlines() if line.startswith('- "')}
    assert quoted == {fact for facts in FACTS.values() for fact in facts}


def test_the_pdfs_are_what_their_sources_give(typeset_anew: Path) -> None:
    committed = {path.name: path for path in DOCUMENTS if path.suffix == ".pdf"}
    assert {path.name for path in typeset_anew.iterdir()} == set(committed)
    changed = [
        name
        for name, path in committed.items()
        if path.read_bytes() != (typeset_anew / name).read_bytes()
    ]
    assert changed == [], "run examples/typeset.py and commit what it writes"
