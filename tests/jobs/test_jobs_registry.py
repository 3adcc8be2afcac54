"""Claims about the registry: names, conflicts, discovery, plug-ins."""

import importlib
import sys
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import BaseModel

from jobs import registry
from jobs.registry import JobType, JobTypeConflict

PLUG_IN = """
from datetime import timedelta

from pydantic import BaseModel

from jobs.registry import JobType, add


class Words(BaseModel):
    text: str


class Outside:
    pass


add(JobType("{name}", "Outside", "", Outside, Words, Words, timedelta(1), timedelta(2)))
"""


class Words(BaseModel):
    text: str = "x"
    price: Decimal = Decimal(1)


class Run:
    """A workflow class."""


class OtherRun:
    """Another one."""


def job_type(name="words", workflow=Run, **more):
    day = timedelta(days=1)
    return JobType(name, "Words", "", workflow, Words, Words, day, day, **more)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """Give each test a registry of its own."""
    types: dict[str, JobType] = {}
    monkeypatch.setattr(registry, "_TYPES", types)
    return types


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put an installed package with entry points on the path."""

    def install(*names):
        info = tmp_path / "outside_jobs-1.0.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(
            "Metadata-Version: 2.1\nName: outside-jobs\nVersion: 1\n"
        )
        lines = [f"{name} = outside_{name}" for name in names]
        info.joinpath("entry_points.txt").write_text("\n".join(["[backburner.jobs]", *lines]))
        for name in names:
            (tmp_path / f"outside_{name}.py").write_text(PLUG_IN.format(name=name))

    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield install
    for name in set(sys.modules) - before:
        if name.startswith(("outside_", "empty_jobs", "some_jobs")):
            del sys.modules[name]


@pytest.fixture
def empty_package(tmp_path, installed):
    (tmp_path / "empty_jobs").mkdir()
    (tmp_path / "empty_jobs" / "__init__.py").write_text("")
    importlib.invalidate_caches()
    return "empty_jobs"


@pytest.mark.parametrize("name", ["a", "a1", "summarize_text", "a" * 64])
def test_a_lower_snake_case_name_is_accepted(name, known):
    registry.add(job_type(name))
    assert list(known) == [name]


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "_a", "a-b", "a b", "a.b", "é", "a\n", "a" * 65, "a/b"]
)
def test_any_other_name_is_refused(name, known):
    with pytest.raises(JobTypeConflict, match="lower_snake_case"):
        registry.add(job_type(name))
    assert not known


def test_two_classes_cannot_have_one_name():
    registry.add(job_type())
    with pytest.raises(JobTypeConflict, match=r"Run and .*OtherRun"):
        registry.add(job_type(workflow=OtherRun))


def test_importing_a_file_again_changes_nothing(known):
    first = job_type()
    registry.add(first)
    registry.add(job_type())
    assert known["words"] is first


def test_discovery_imports_the_files_but_not_the_packages_of_a_package(tmp_path, installed):
    package = tmp_path / "some_jobs"
    (package / "kit").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "kit" / "__init__.py").write_text("raise RuntimeError('not a job file')")
    for name in ("zebra", "ant"):
        (package / f"{name}.py").write_text(PLUG_IN.format(name=name))
    importlib.invalidate_caches()
    assert list(registry.discover("some_jobs")) == ["ant", "zebra"]


def test_discovery_finds_the_job_types_of_installed_packages(installed, empty_package):
    installed("one", "two")
    found = registry.discover(empty_package)
    assert list(found) == ["one", "two"]
    assert found["one"].origin == ("outside_one", "Outside")


def test_a_plug_in_cannot_take_a_name_in_use(installed, empty_package):
    registry.add(job_type("one"))
    installed("one")
    with pytest.raises(JobTypeConflict, match="declared twice"):
        registry.discover(empty_package)


def test_a_plug_in_that_cannot_be_imported_is_not_ignored(installed, empty_package, tmp_path):
    installed("one")
    (tmp_path / "outside_one.py").unlink()
    with pytest.raises(ModuleNotFoundError, match="outside_one"):
        registry.discover(empty_package)


def test_schemas_show_input_output_signals_and_queries():
    declared = job_type(signals={"go": Words, "stop": None}, queries={"count": int})
    schemas = declared.schemas()
    assert schemas["input"]["properties"]["price"]["anyOf"][0] == {"type": "number"}
    assert schemas["output"]["properties"]["price"]["type"] == "string"
    assert schemas["signals"]["stop"] is None
    assert schemas["signals"]["go"]["properties"]["text"]["type"] == "string"
    assert schemas["queries"] == {"count": {"type": "integer"}}
