"""The example schedules are ones that the gateway takes."""

import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from api.schedule_bodies import ScheduleRequest
from jobs.registry import discover

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "schedules"
FILES = sorted(FOLDER.glob("*.json"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def read(name: str) -> ScheduleRequest:
    return ScheduleRequest.model_validate(json.loads((FOLDER / name).read_text("utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_named_like_its_file_and_fits_its_job_type(path: Path):
    schedule = read(path.name)
    assert schedule.id == path.stem
    job_type = discover().get(schedule.job.type)
    if job_type is None:
        pytest.skip(f"there is no job type {schedule.job.type!r} yet")
    job_type.input.model_validate(schedule.job.payload, extra="forbid")


def test_the_daily_report_is_written_at_nine():
    runs = islice(read("daily-report.json").when.moments(NOW), 3)
    assert [f"{each:%F %H:%M}" for each in runs] == [
        "2026-11-22 08:00",
        "2026-11-23 08:00",
        "2026-11-24 08:00",
    ]


def test_pending_documents_are_processed_every_five_minutes():
    first, second = islice(read("pending-documents.json").when.moments(NOW), 2)
    assert second - first == timedelta(minutes=5)
