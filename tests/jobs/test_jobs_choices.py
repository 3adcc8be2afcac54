"""Laws of options, ceilings and polls that a notice makes rare."""

from datetime import timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from jobs.options import JobOptions, ResponseOptions, Window
from jobs.polling import (
    CEILINGS_BY_WINDOW,
    LONGEST_BY_WINDOW,
    PUSHED_LONGEST,
    PUSHED_SHORTEST,
    SPREAD,
    Ceilings,
    PollSchedule,
)

choices = st.builds(
    ResponseOptions,
    model=st.none() | st.sampled_from(["a", "b"]),
    max_output_tokens=st.none() | st.integers(16, 1000),
    service_tier=st.none() | st.sampled_from(["flex", "default"]),
    completion_window=st.none() | st.sampled_from(["2h", "8h"]),
    store=st.none() | st.booleans(),
    delete_after_collect=st.none() | st.booleans(),
    on_incomplete=st.none() | st.sampled_from(["fail", "accept", "extend"]),
)
NO_CHOICE = ResponseOptions()
waits, jitters = st.floats(0, 100_000), st.floats(0, 1)
expectations = st.none() | st.floats(0, 10_000).map(lambda each: timedelta(seconds=each))
longests = st.sampled_from(sorted(LONGEST_BY_WINDOW.values()))


@given(choices, choices)
def test_the_stronger_choice_wins_and_the_weaker_fills_in(strong, weak):
    merged = strong.over(weak)
    for name in ResponseOptions.model_fields:
        mine, other = getattr(strong, name), getattr(weak, name)
        assert getattr(merged, name) == (other if mine is None else mine)


@given(choices, choices, choices)
def test_choices_stack_in_any_grouping(a, b, c):
    assert a.over(b).over(c) == a.over(b.over(c))
    assert a.over(a) == a.over(NO_CHOICE) == NO_CHOICE.over(a) == a


@given(choices)
def test_a_clients_job_options_merge_into_a_response_without_the_jobs_own(author):
    client = JobOptions(model="client", store=False, max_tries=9)
    merged = client.over(author)
    assert type(merged) is ResponseOptions
    assert (merged.model, merged.store) == ("client", False)


@given(expectations, waits, jitters, longests)
def test_with_notices_polls_are_rare_but_never_stop(expected, waited, jitter, longest):
    schedule = PollSchedule(expected, longest=longest)
    rare, usual = (schedule.delay(waited, jitter, pushed=each) for each in (True, False))
    assert usual <= rare
    assert PUSHED_SHORTEST <= rare <= max(PUSHED_LONGEST, longest) * (1 + SPREAD)


def test_with_notices_an_old_response_is_polled_as_seldom_as_allowed():
    assert PollSchedule().delay(100_000, 0, pushed=True) == PUSHED_LONGEST


def test_every_window_has_ceilings_behind_its_target_and_a_longest_pause():
    windows = set(get_args(Window))
    assert windows == set(CEILINGS_BY_WINDOW) == set(LONGEST_BY_WINDOW)
    for window, hours in {"2h": 2, "8h": 8}.items():
        assert CEILINGS_BY_WINDOW[window].queued > timedelta(hours=hours)
    for each in (*CEILINGS_BY_WINDOW.values(), Ceilings.none()):
        assert each.queued <= each.running
