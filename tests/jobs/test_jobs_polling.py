"""Laws of the poll schedule."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.polling import (
    CEILINGS_BY_WINDOW,
    FIRST_LOOK,
    LONGEST,
    LONGEST_BY_WINDOW,
    LONGEST_QUIET,
    PRECISION,
    PUSHED_LONGEST,
    PUSHED_SHORTEST,
    SHORTEST,
    SPREAD,
    PollSchedule,
)

waits = st.floats(0, 100_000)
jitters = st.floats(0, 1)
expectations = st.none() | st.floats(0, 10_000).map(lambda each: timedelta(seconds=each))
jitter_series = st.lists(jitters, min_size=1, max_size=20)


def polls(expected, series, *, until):
    """Return the seconds at which a response that lives this long is polled, the last one after."""
    schedule, now = PollSchedule(expected), 0.0
    moments: list[float] = []
    while now < until:
        now += schedule.delay(now, series[len(moments) % len(series)])
        moments.append(now)
    return moments


@given(expectations, waits, jitters)
def test_pauses_are_at_least_a_second_and_at_most_the_longest_with_its_spread(
    expected, waited, jitter
):
    pause = PollSchedule(expected).delay(waited, jitter)
    assert SHORTEST <= pause <= LONGEST * (1 + SPREAD)


@given(expectations, jitter_series, st.floats(1, 2000))
def test_a_response_costs_less_than_one_poll_per_second(expected, series, lifetime):
    moments = polls(expected, series, until=lifetime)
    assert len(moments) - 1 <= lifetime


@given(jitter_series, st.floats(0.1, 2000))
def test_an_end_is_seen_within_ten_percent_or_a_second_and_a_half(series, lifetime):
    unseen = polls(None, series, until=lifetime)[-1] - lifetime
    assert unseen <= max(1.5, PRECISION * lifetime) + 1e-9


@given(st.floats(1, 5000), jitter_series, st.floats(1, 4))
def test_an_end_in_its_expected_time_is_seen_as_soon(expected, series, times):
    # From where the first look is over, whatever its jitter was.
    lifetime = FIRST_LOOK * (1 + SPREAD) * expected * times
    unseen = polls(timedelta(seconds=expected), series, until=lifetime)[-1] - lifetime
    assert unseen <= max(1.5, PRECISION * lifetime) + 1e-9


@given(st.floats(1, 5000), jitter_series, st.floats(0.1, 1))
def test_an_end_much_earlier_than_expected_is_seen_soon(expected, series, share):
    lifetime = expected * share
    unseen = polls(timedelta(seconds=expected), series, until=lifetime)[-1] - lifetime
    assert unseen <= max(1.5, LONGEST_QUIET * (1 + SPREAD), PRECISION * lifetime) + 1e-9


@pytest.mark.parametrize("seconds", [10, 20, 50])
def test_nobody_asks_in_the_first_half_of_the_expected_time(seconds):
    first = PollSchedule(timedelta(seconds=seconds)).delay(0, 0)
    assert first == pytest.approx(seconds / 2)


@given(expectations, waits, jitters, jitters)
def test_more_jitter_never_shortens_a_pause(expected, waited, one, other):
    schedule, (less, more) = PollSchedule(expected), sorted((one, other))
    assert schedule.delay(waited, less) <= schedule.delay(waited, more)


windows = st.sampled_from(sorted(LONGEST_BY_WINDOW))


@given(expectations, windows, waits, jitters)
def test_pauses_are_rare_and_bounded_while_notices_come(expected, window, waited, jitter):
    longest = max(PUSHED_LONGEST, LONGEST_BY_WINDOW[window])
    pause = PollSchedule(expected, LONGEST_BY_WINDOW[window]).delay(waited, jitter, pushed=True)
    assert PUSHED_SHORTEST <= pause <= longest * (1 + SPREAD)


@given(expectations, windows, waits, jitters)
def test_notices_never_make_polls_more_frequent(expected, window, waited, jitter):
    schedule = PollSchedule(expected, LONGEST_BY_WINDOW[window])
    unpushed = schedule.delay(waited, jitter)
    assert schedule.delay(waited, jitter, pushed=True) >= unpushed


@given(windows, waits, waits, jitters)
def test_an_older_response_is_never_asked_for_more_often(window, one, other, jitter):
    schedule, (younger, older) = PollSchedule(None, LONGEST_BY_WINDOW[window]), sorted((one, other))
    assert schedule.delay(younger, jitter) <= schedule.delay(older, jitter)


@given(expectations, waits, jitters)
def test_a_cheaper_window_is_never_asked_for_more_often(expected, waited, jitter):
    pauses = [
        PollSchedule(expected, LONGEST_BY_WINDOW[each]).delay(waited, jitter)
        for each in ("soonest", "2h", "8h")
    ]
    assert pauses == sorted(pauses)


@given(expectations, windows, jitter_series, st.floats(0.1, 30_000))
def test_every_end_is_found_by_polls_alone(expected, window, series, lifetime):
    """Notices may stop at any moment: the next poll is no further away than the window allows."""
    schedule, now, polled = PollSchedule(expected, LONGEST_BY_WINDOW[window]), 0.0, 0
    while now < lifetime:
        now += schedule.delay(now, series[polled % len(series)], pushed=True)
        polled += 1
    longest = max(PUSHED_LONGEST, LONGEST_BY_WINDOW[window])
    assert now - lifetime <= longest * (1 + SPREAD)
    assert polled <= 1 + lifetime / PUSHED_SHORTEST


@pytest.mark.parametrize("window", sorted(CEILINGS_BY_WINDOW))
def test_a_response_is_given_up_long_after_its_window(window):
    hours = {"soonest": 0, "2h": 2, "8h": 8}[window]
    ceilings = CEILINGS_BY_WINDOW[window]
    assert timedelta(hours=hours) < ceilings.queued < ceilings.running
