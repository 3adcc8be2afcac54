"""Claims about the error tree: its codes are an interface."""

import re

import pytest

from jobs import errors
from jobs.errors import BY_CODE, DocumentFailure, JobError, JobFailure, RequestRefused, advice_for
from jobs.errors import door as door_module

BASES = {JobError, RequestRefused, DocumentFailure}
OURS = [kind for kind in errors.every_error() if kind.__module__.startswith("jobs.errors")]
CONCRETE = [kind for kind in OURS if kind not in BASES]
SENTENCE = re.compile(r"[A-Z].*[.…`]", re.DOTALL)


def by_name(kind):
    return kind.__name__


def test_every_code_belongs_to_one_class():
    assert len({kind.code for kind in OURS}) == len(OURS)
    assert all(BY_CODE[kind.code] is kind for kind in OURS)


@pytest.mark.parametrize("kind", OURS, ids=by_name)
def test_a_code_is_lower_snake_case_and_the_status_is_an_error(kind):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)
    assert 400 <= kind.http_status <= 599


@pytest.mark.parametrize("kind", CONCRETE, ids=by_name)
def test_an_error_has_its_own_code_and_title(kind):
    assert {"code", "title"} <= vars(kind).keys()
    assert kind.title[0].isupper()


@pytest.mark.parametrize("kind", [each for each in CONCRETE if each is not JobFailure], ids=by_name)
def test_an_error_advises_in_a_sentence_of_its_own(kind):
    assert "advice" in vars(kind)
    assert SENTENCE.fullmatch(kind.advice)


@pytest.mark.parametrize("kind", OURS, ids=by_name)
def test_only_errors_of_the_server_or_of_timing_are_worth_repeating(kind):
    if issubclass(kind, RequestRefused):
        assert kind.retryable is (
            kind.http_status >= 500 or kind.code in {"job_not_started", "result_not_ready"}
        )


@pytest.mark.parametrize("kind", OURS, ids=by_name)
def test_an_error_without_detail_says_its_title(kind):
    error = kind()
    assert str(error) == error.detail == kind.title
    assert error.retry_after_seconds is None


def test_detail_and_pause_are_kept():
    error = errors.ServiceUnavailable("no", retry_after_seconds=2)
    assert (str(error), error.detail, error.retry_after_seconds) == ("no", "no", 2)


@pytest.mark.parametrize("code", [kind.code for kind in OURS])
def test_advice_is_found_by_code(code):
    assert advice_for(code) == BY_CODE[code].advice


def test_a_code_of_somebody_elses_job_type_has_general_advice():
    assert advice_for("their_own") == JobFailure.advice


def test_every_error_can_be_imported_from_the_package():
    hidden = {"ProviderFailure", "JobError"} - set(errors.__all__)
    assert not hidden
    assert {kind.__name__ for kind in OURS} <= set(errors.__all__)
    assert all(hasattr(errors, name) for name in errors.__all__)


def test_failures_of_jobs_live_apart_from_refusals_of_the_door():
    kinds = [kind for kind in OURS if issubclass(kind, JobFailure)]
    assert door_module.__name__ not in {kind.__module__ for kind in kinds}
