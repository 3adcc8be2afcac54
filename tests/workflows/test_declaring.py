"""`@job` refuses what would only fail later, and keeps what it is told."""

from datetime import timedelta
from typing import Any

import pytest

from jobs import registry
from jobs.registry import JobTypeConflict
from tests.workflows import job_types
from tests.workflows.job_types import Ask, Pokeable, Said
from workflows.core import Job, job, query, signal
from workflows.core.declare import OF_EVERY_JOB

SECOND = timedelta(seconds=1)


def declare(cls: type[Any], name: str = "test_never_kept") -> None:
    job(name, title="Never kept", expected=SECOND)(cls)


def test_a_declared_type_carries_everything_about_itself():
    found = registry.discover()["test_approvals"]

    assert found.title == job_types.Approvals.title == "Wait for an approval"
    assert found.description == "Wait for an approval while the prompts are being answered."
    assert (found.input, found.output) == (Ask, Said)
    assert (found.expected, found.deadline) == (SECOND, timedelta(minutes=5))
    assert found.failure_modes == ("deadline_exceeded",)
    own = {"decide": job_types.Approval, "nudge": None, "trip": None}
    assert found.signals == own | OF_EVERY_JOB
    assert list(found.queries) == ["decision"]


def test_a_deadline_is_twenty_times_the_expected_duration_but_an_hour_at_least():
    assert registry.discover()["test_asks"].deadline == timedelta(hours=1)


class NoJob:
    """Subclasses nothing."""


class Bare(Job):  # type: ignore[type-arg] # the mistake under test
    """Names no models."""


class NoModel(Job[dict, Said]):  # type: ignore[type-var,type-arg] # the mistake under test
    """Takes something that is no model."""


@pytest.mark.parametrize("cls", [NoJob, Bare, NoModel])
def test_a_class_without_two_models_is_refused(cls: type):
    with pytest.raises(TypeError, match=r"must subclass Job\[Input, Output\]"):
        declare(cls)


class TwoParameters(Job[Ask, Said]):
    """Has a signal with two parameters."""

    @signal
    def both(self, left: Ask, right: Ask) -> None:
        """Take two."""


class PlainParameter(Job[Ask, Said]):
    """Has a signal with a plain parameter."""

    @signal
    def plain(self, word: str) -> None:
        """Take a word."""


class UntypedParameter(Job[Ask, Said]):
    """Has a signal with a parameter of no type."""

    @signal
    def untyped(self, word) -> None:
        """Take anything."""


@pytest.mark.parametrize("cls", [TwoParameters, PlainParameter, UntypedParameter])
def test_a_signal_takes_nothing_or_one_model(cls: type):
    with pytest.raises(TypeError, match="must take nothing or one pydantic model"):
        declare(cls)


class SilentQuery(Job[Ask, Said]):
    """Has a query that does not say what it returns."""

    @query
    def silent(self):
        """Return something."""


class CuriousQuery(Job[Ask, Said]):
    """Has a query that wants something."""

    @query
    def curious(self, about: str) -> str:
        """Return a word."""
        return about


@pytest.mark.parametrize("cls", [SilentQuery, CuriousQuery])
def test_a_query_takes_nothing_and_says_what_it_returns(cls: type):
    with pytest.raises(TypeError, match="must take nothing and say what it returns"):
        declare(cls)


class OwnCancel(Job[Ask, Said]):
    """Takes the kit's signal away."""

    @signal
    def cancel(self) -> None:
        """Do something else."""


def test_the_kits_own_signals_cannot_be_taken():
    with pytest.raises(ValueError, match="cancel"):
        declare(OwnCancel)


@pytest.mark.parametrize("name", ["test_asks", "Test-Asks", "", "x" * 65])
def test_a_name_is_free_and_lower_snake_case(name: str):
    fresh = type("Fresh", (Pokeable,), {"__module__": __name__, "__qualname__": "Fresh"})

    with pytest.raises(JobTypeConflict, match=r"declared twice|lower_snake_case"):
        declare(fresh, name)


def test_nothing_that_was_refused_is_registered():
    assert "test_never_kept" not in registry.discover()


def test_signals_of_a_shared_base_class_belong_to_the_type():
    found = registry.discover()["test_pokes"]

    assert found.signals == {"poke": None} | OF_EVERY_JOB
