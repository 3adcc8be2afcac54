"""Documents made to harm end as a typed failure, or as text; the heavy ones under `make prove`."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from activities.extraction.child_process import extract_document
from activities.extraction.errors import Refusal
from activities.extraction.extract import DEFAULT_LIMITS, extract
from jobs.errors import BY_CODE, DocumentFailure
from tests.extraction.documents import written_pdf
from tests.extraction.hostile import QUICK
from tests.extraction.office import HONEST

MANY = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAMES = ["a.pdf", "a.docx", "a.html", "a.csv", "a.md", "upload"]


@pytest.mark.parametrize("name", QUICK)
async def test_a_hostile_document_ends_at_once_with_its_code(tmp_path: Path, name):
    code, make = QUICK[name]
    path = tmp_path / "stored"
    path.write_bytes(make())
    if not code:
        assert len((await extract(path, name=name)).text) < 2_000_000
        return
    with pytest.raises(BY_CODE[code], match=name):
        await extract(path, name=name)


def ends_well(path: Path, content: bytes, name: str) -> None:
    """Read as the child does, in this process: only a refusal may come of it, or text."""
    path.write_bytes(content)
    request = {
        "path": str(path),
        "name": name,
        "pages": DEFAULT_LIMITS.pages,
        "characters": DEFAULT_LIMITS.characters,
    }
    try:
        _, text = extract_document(request)
    except Refusal:
        return
    assert text.encode().decode() == text


@MANY
@given(content=st.binary(max_size=2_000), name=st.sampled_from(NAMES[1:]))
@example(content=b"PK\x05\x06" + bytes(18), name="a.docx")
@example(content=b"\xff\xfe\x00\xd8", name="a.csv")
def test_random_bytes_are_refused_or_read(tmp_path: Path, content, name):
    if b"%PDF" not in content:  # those go to a library that may take the process with it
        ends_well(tmp_path / "stored", content, name)


@MANY
@given(name=st.sampled_from(list(HONEST)), chance=st.randoms())
def test_a_damaged_document_is_refused_or_read(tmp_path: Path, name, chance):
    ends_well(tmp_path / "stored", damaged(HONEST[name], chance), name)


@settings(MANY, max_examples=5)  # each in a child
@given(chance=st.randoms())
async def test_a_damaged_pdf_is_refused_or_read(tmp_path: Path, chance):
    path = tmp_path / "stored"
    path.write_bytes(damaged(written_pdf("One.", "Two."), chance))
    try:
        await extract(path, name="a.pdf")
    except DocumentFailure:
        return


def damaged(content: bytes, chance: Random) -> bytes:
    """Change a few bytes, leave out some, and perhaps cut the end off."""
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(damaged) or 1)
        if damaged and chance.random() < 0.7:
            damaged[place] = chance.randrange(256)
        else:
            del damaged[place : place + chance.randint(1, 9)]
    return bytes(damaged[: chance.randint(0, len(damaged))] if chance.random() < 0.2 else damaged)
