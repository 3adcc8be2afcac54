"""Laws of the poll schedule."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.polling import FIRST_LOOK, LONGEST, PRECISION, SHORTEST, SPREAD, PollSchedule

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
def test_an_end_much_earlier_than_expected_is_seen_within_the_longest_pause(
    expected, series, share
):
    lifetime = expected * share
    unseen = polls(timedelta(seconds=expected), series, until=lifetime)[-1] - lifetime
    assert unseen <= LONGEST * (1 + SPREAD)


@pytest.mark.parametrize("seconds", [10, 20, 50])
def test_nobody_asks_in_the_first_half_of_the_expected_time(seconds):
    first = PollSchedule(timedelta(seconds=seconds)).delay(0, 0)
    assert first == pytest.approx(seconds / 2)


@given(expectations, waits, jitters, jitters)
def test_more_jitter_never_shortens_a_pause(expected, waited, one, other):
    schedule, (less, more) = PollSchedule(expected), sorted((one, other))
    assert schedule.delay(waited, less) <= schedule.delay(waited, more)
