"""The example documents are whole, and what their list of facts claims stands in them."""

import json
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

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
}

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def text_of(document: Path) -> str:
    """Return the words of a document with single spaces between them."""
    if document.suffix != ".pdf":
        return " ".join(document.read_text(encoding="utf-8").split())
    with pypdfium2.PdfDocument(document) as pdf:
        pages = [pdf[number].get_textpage().get_text_range() for number in range(len(pdf))]
    return " ".join(" ".join(pages).split())


def pages_of(document: Path) -> int:
    with pypdfium2.PdfDocument(document) as pdf:
        return len(pdf)


@pytest.fixture(scope="module")
def typeset_anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("typeset")
    script = EXAMPLES / "typeset.py"
    subprocess.run([sys.executable, "-W", "error", script, "--into", into], check=True)
    return into


def test_there_are_three_documents_or_more_of_each_format() -> None:
    suffixes = [document.suffix for document in DOCUMENTS]
    assert set(suffixes) == {".pdf", ".md", ".txt"}
    assert all(suffixes.count(suffix) >= 3 for suffix in set(suffixes))


def test_every_kind_of_document_is_there_once() -> None:
    openings = [text_of(document)[:80].lower() for document in DOCUMENTS]
    assert {kind: sum(kind in opening for opening in openings) for kind in KINDS} == dict.fromkeys(
        KINDS, 1
    )


@each_document
def test_a_document_is_several_pages_long(document: Path) -> None:
    assert 1000 <= len(text_of(document).split()) <= 2500
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
