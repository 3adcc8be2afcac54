"""Links lead somewhere, and pages keep their bounds."""

from pathlib import Path

import pytest

from docs.reference import CODES, openapi
from jobs.errors import BY_CODE
from tests.docs.pages import PAGES, ROOT, anchors, links

UNMAPPED = {"200", "201", "202", "204", "304", "default"}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def is_dead(page: Path, link: str) -> bool:
    path, _, fragment = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return True
    return bool(fragment) and fragment not in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_resolves(page: Path):
    assert [link for link in links(page) if is_dead(page, link)] == []


def test_every_page_is_reached_from_the_index():
    index = ROOT / "docs/README.md"
    folders = [index, ROOT / "docs/decisions/README.md"]
    reached = {
        (page.parent / link.partition("#")[0]).resolve() for page in folders for link in links(page)
    }
    pages = {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {index.resolve()}
    assert pages - reached == set()


def test_the_readme_fits_on_three_screens():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


def test_the_codes_of_a_route_fit_the_statuses_it_documents():
    documented = {
        operation["operationId"]: {int(each) for each in operation["responses"].keys() - UNMAPPED}
        for methods in openapi()["paths"].values()
        for operation in methods.values()
    }
    coded = {
        name: {BY_CODE[code].http_status for code in codes.split()} for name, codes in CODES.items()
    }
    assert coded == documented
