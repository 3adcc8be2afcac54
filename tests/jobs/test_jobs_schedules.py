"""Cron expressions, their moments, and the ids of the jobs that come of them."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.schedules.calendars import (
    KINDS,
    SHORTHANDS,
    BadCalendar,
    from_cron,
    read_field,
    values_of,
)
from jobs.schedules.model import (
    MOST_SKIPPED,
    Interval,
    ScheduledJob,
    StoredSchedule,
    TooMuchSkipped,
    When,
)
from jobs.values import Tenant

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def first(when: When, count: int, after: datetime = NOW) -> list[str]:
    return [f"{each:%Y-%m-%dT%H:%M:%S}" for each in islice(when.moments(after), count)]


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("minute", "*/20", (0, 20, 40)),
        ("minute", "5/20", (5, 25, 45)),
        ("minute", "1,2,50-52", (1, 2, 50, 51, 52)),
        ("hour", "8-18/5", (8, 13, 18)),
        ("month", "jan,JUNE,12", (1, 6, 12)),
        ("day_of_week", "MON-FRI", (1, 2, 3, 4, 5)),
        ("day_of_week", "7", (0,)),
        ("day_of_week", "5-7", (0, 5, 6)),
        ("day_of_week", "sunday", (0,)),
        ("year", "*", ()),
        ("year", "2027/30", (2027, 2057, 2087)),
    ],
)
def test_a_field_means_these_values(name, text, values):
    assert values_of(read_field(name, text)) == values


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* * * *", "5, 6 or 7 fields, not 4"),
        ("", "5, 6 or 7 fields, not 0"),
        ("60 * * * *", "minute: 60 is not between 0 and 59"),
        ("* 24 * * *", "hour: 24 is not between 0 and 23"),
        ("* * 0 * *", "day of month: 0 is not between 1 and 31"),
        ("* * * 13 *", "month: 13"),
        ("* * * * 8", "day of week: 8"),
        ("* * * * FRI-MON", "ends before it begins"),
        ("* * * * mo", "names are sun, mon"),
        ("* * ? * *", "write `*`"),
        ("* * L * *", "'L' is no value"),
        ("*/0 * * * *", "0 is not between 1"),
        ("*-5 * * * *", "'*' is no value"),
        ("1-2-3 * * * *", "'2-3' is no value"),
        ("1, * * * *", "'' is no value"),
        ("\u0661 * * * *", "is no value"),
        ("0 0 1 1 * 99999", "year"),
        ("@every 5m", "use `intervals`"),
        ("CRON_TZ=UTC 0 9 * * *", "`time_zone`"),
    ],
)
def test_a_cron_expression_that_cannot_be_read_says_why(text, reason):
    with pytest.raises(BadCalendar) as caught:
        from_cron(text)
    assert reason in str(caught.value)


@given(st.sampled_from([*KINDS]), st.text("0123456789*/,-montuejan?L ", max_size=9))
def test_a_field_is_read_or_refused_and_keeps_its_bounds(name, text):
    try:
        values = values_of(read_field(name, text))
    except BadCalendar:
        return
    assert all(KINDS[name].lowest <= each <= KINDS[name].highest for each in values)


@pytest.mark.parametrize("short", SHORTHANDS)
def test_a_shorthand_runs_at_the_beginning_of_its_period(short):
    [moment] = islice(When(cron=[short]).moments(NOW), 1)
    assert (moment.minute, moment.second) == (0, 0)


def test_seven_fields_begin_with_seconds_and_six_end_with_the_year():
    assert first(When(cron=["30 0 9 * * * 2030"]), 1) == ["2030-01-01T09:00:30"]
    assert first(When(cron=["0 9 * * * 2030"]), 1) == ["2030-01-01T09:00:00"]


def test_day_of_month_and_day_of_week_must_both_match():
    assert first(When(cron=["0 9 13 * FRI"]), 2) == ["2027-08-13T09:00:00", "2028-10-13T09:00:00"]


def test_what_never_is_ends():
    assert first(When(cron=["0 0 31 2 *"]), 1) == []


@pytest.mark.parametrize("times", [{"cron": "@daily"}, {"intervals": [{"every_seconds": 60}]}])
def test_after_the_last_year_nothing_runs(times):
    when = When.model_validate({**times, "time_zone": "Pacific/Honolulu"})
    assert first(when, 1, datetime.max.replace(tzinfo=UTC)) == []


def test_a_time_zone_moves_with_the_summer():
    when = When(cron=["0 9 * * *"], time_zone="Europe/Berlin")
    march = datetime(2027, 3, 27, tzinfo=UTC)
    assert first(when, 2, march) == ["2027-03-27T08:00:00", "2027-03-28T07:00:00"]


def test_a_skipped_hour_is_skipped_and_a_repeated_one_counts_twice():
    when = When(cron=["30 2 * * *"], time_zone="Europe/Berlin")
    assert first(when, 2, datetime(2027, 3, 27, tzinfo=UTC)) == [
        "2027-03-27T01:30:00",
        "2027-03-29T00:30:00",
    ]
    assert first(when, 3, datetime(2027, 10, 30, 12, tzinfo=UTC)) == [
        "2027-10-31T00:30:00",
        "2027-10-31T01:30:00",
        "2027-11-01T01:30:00",
    ]


def test_a_period_is_counted_from_1970_and_shifted():
    when = When(intervals=[Interval(every_seconds=3600, offset_seconds=600)])
    assert first(when, 2) == ["2026-11-22T12:10:00", "2026-11-22T13:10:00"]


def test_sources_are_merged_without_doubles_within_start_and_end_and_without_what_is_skipped():
    when = When.model_validate(
        {
            "cron": "0 * * * *",
            "intervals": [{"every_seconds": 1800}],
            "skip": [{"hour": "15", "minute": "*"}],
            "start_at": "2026-11-22T14:00:00Z",
            "end_at": "2026-11-22T16:30:00Z",
        }
    )
    assert first(when, 9) == [
        "2026-11-22T14:00:00",
        "2026-11-22T14:30:00",
        "2026-11-22T16:00:00",
        "2026-11-22T16:30:00",
    ]


def test_times_that_are_all_skipped_are_given_up_on():
    when = When.model_validate({"cron": "* * * * *", "skip": [{"hour": "*", "minute": "*"}]})
    with pytest.raises(TooMuchSkipped, match=f"more than {MOST_SKIPPED}"):
        first(when, 1)


@pytest.mark.parametrize("day", [NOW, datetime(2027, 10, 31, tzinfo=UTC)], ids=["any", "changed"])
def test_a_dense_calendar_costs_no_walk_through_the_day(day):
    when = When(cron=["* * * * * * *"] * 5, time_zone="Europe/Berlin")
    began = time.process_time()
    [moment] = islice(when.moments(day), 1)
    assert moment - day == timedelta(seconds=1)
    assert time.process_time() - began < 2


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.sampled_from(["*/7 * * * *", "13 2,3 * * *", "0 9 * * MON", "59 23 28-31 * *"]),
    st.integers(0, 2 * 365 * 24 * 3600),
)
def test_moments_come_in_order_and_match_their_calendar(zone, cron, seconds):
    after = NOW + timedelta(seconds=seconds)
    moments = list(islice(When(cron=[cron], time_zone=zone).moments(after), 50))
    assert moments == sorted(set(moments))
    assert all(each > after for each in moments)
    assert all(from_cron(cron).has(each.astimezone(ZoneInfo(zone))) for each in moments)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"cron": []},
        {"cron": "0 9 * * *", "time_zone": "../etc/passwd"},
        {"cron": "0 9 * * *", "time_zone": ""},
        {"intervals": [{"every_seconds": 60, "offset_seconds": 60}]},
        {"cron": "@daily", "start_at": "2027-01-01T00:00:00Z", "end_at": "2026-01-01T00:00:00Z"},
        {"cron": "@daily", "start_at": "2027-01-01T00:00:00"},
        {"cron": "@daily", "start_at": "0001-01-01T00:00:00+14:00"},
        {"cron": "@daily", "start_at": "1969-12-31T23:59:59Z"},
        {"cron": "@daily", "end_at": "9999-12-31T23:59:59-01:00"},
        {"calendars": [{"hour": "9", "hours": "9"}]},
    ],
    ids=str,
)
def test_times_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        When.model_validate(wrong)


def stored(uid: uuid.UUID) -> StoredSchedule:
    return StoredSchedule(
        tenant=Tenant("default"),
        schedule_id="daily",
        uid=uid,
        revision=uuid.uuid4(),
        job=ScheduledJob(type="summarize_text", payload={}),
        when={},
        fingerprint="",
    )


def test_a_time_of_a_schedule_has_one_job_id_and_a_schedule_made_anew_has_others():
    uid = uuid.uuid4()
    job_id = stored(uid).job_id(NOW)
    assert job_id == stored(uid).job_id(NOW) == stored(uid).job_id(NOW.replace(microsecond=5))
    assert job_id.version == 7
    others = [stored(uuid.uuid4()).job_id(NOW), stored(uid).job_id(NOW + timedelta(seconds=1))]
    assert len({job_id, *others}) == 3
    assert others[1] > job_id, "ids sort by time"
