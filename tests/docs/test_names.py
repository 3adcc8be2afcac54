"""What the pages say of names, in sentences and tables that no test can run, fits the code."""

import inspect
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs.reference import openapi
from jobs.starting import SEARCH_ATTRIBUTES
from tests.docs.pages import FENCE, PAGES, ROOT
from workflows.core import Job, job

GUIDE = ROOT / "docs/howto/add-a-job-type.md"
MISSING = "## What is not there yet\n"
ROUTE = re.compile(r"`(?:(?P<method>[A-Z]+) )?(?P<path>/api/[^`?]*)")
PARAMETER = re.compile(r"\{[^}]*\}")


def first_cells(introduction: str) -> list[str]:
    """Return the first column of the table that follows these words."""
    _, _, rest = GUIDE.read_text(encoding="utf-8").partition(f"{introduction}\n\n")
    table, _, _ = rest.partition("\n\n")
    return [row.split("|")[1].strip().strip("`") for row in table.splitlines()[2:]]


def parameters(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


@cache
def paths() -> set[str]:
    return {PARAMETER.sub("{}", path) for path in openapi()["paths"]}


def what_is_missing() -> str:
    page = (ROOT / "docs/howto/run-in-production.md").read_text(encoding="utf-8")
    return page.partition(MISSING)[2]


@pytest.mark.parametrize(("function", "words"), [(job, "`@job`"), (Job.respond, "`respond`")])
def test_a_table_of_arguments_names_those_of_the_kit(function: Callable[..., Any], words: str):
    assert sorted(first_cells(f"What {words} takes:")) == sorted(parameters(function))


def test_every_call_that_work_may_use_is_one_of_the_kit_with_these_arguments():
    _, _, rest = GUIDE.read_text(encoding="utf-8").partition("## What `work()` may use\n")
    calls = re.findall(r"`(?:await )?self\.(\w+)\(([^`]*)\)`", rest)
    assert len(calls) > 8
    for name, arguments in calls:
        named = set(re.findall(r"(\w+)=", re.sub(r"\(.*\)", "", arguments)))
        assert named <= set(parameters(getattr(Job, name))), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_route_that_a_page_names_is_there_or_among_what_is_missing(page: Path):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    if page.name == "run-in-production.md":
        text = text.partition(MISSING)[0]
    named = {PARAMETER.sub("{}", each["path"]).rstrip("/") for each in ROUTE.finditer(text)}
    known = paths()
    unknown = {each for each in named if not any(fits(path, each) for path in known)}
    assert unknown <= {each["path"] for each in ROUTE.finditer(what_is_missing())}


def fits(path: str, named: str) -> bool:
    """Tell whether a route is the named one, or lies below it; `{}` stands for one segment."""
    pattern = re.escape(path).replace(r"\{\}", "[^/]+")
    return re.fullmatch(pattern, named) is not None or path.startswith(f"{named}/")


def test_what_the_page_says_is_not_there_is_not_there():
    missing = what_is_missing()
    absent = [each["path"] for each in ROUTE.finditer(missing) if each["method"] is None]
    assert absent
    assert not [path for path in paths() for each in absent if fits(path, each)]
    assert "no search attribute `JobStatus`" in missing
    assert "JobStatus" not in {each.name for each in SEARCH_ATTRIBUTES}
