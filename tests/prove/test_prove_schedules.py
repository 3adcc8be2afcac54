"""Schedules through outages: what is caught up, what is left out. Run by `make prove`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.schedules.model import Interval, ScheduledJob, When
from local.temporal import TemporalServer
from storage import schedules
from tests.installation import Installation, eventually, own_temporal
from tests.workflows.scheduling import Scheduled, scheduled

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]

PERIOD = timedelta(seconds=2)
OFTEN = When(intervals=[Interval(every_seconds=2)])
SHORT = ScheduledJob(type="summarize_text", payload={"text": "The pilot ran for six weeks."})
OUTAGE_SECONDS = 24


@pytest.fixture
async def killable(
    database_url: str, emulator_url: str, tmp_path: Path
) -> AsyncIterator[tuple[TemporalServer, Installation]]:
    """An installation whose Temporal may be killed, and remembers."""
    file = tmp_path / "temporal.db"
    async with own_temporal(database_url, emulator_url, tmp_path, file=file) as both:
        yield both


async def times(it: Scheduled) -> list[datetime]:
    """Return the times that have a job, in order."""
    rows = await it.jobs()
    return sorted(datetime.fromisoformat(row.labels["backburner.scheduled_at"]) for row in rows)


def left_out(found: list[datetime]) -> list[datetime]:
    """Return the times between the first and the last that have none."""
    count = (found[-1] - found[0]) // PERIOD + 1
    return sorted({found[0] + PERIOD * index for index in range(count)} - set(found))


@pytest.mark.parametrize("window", [10, 3600])
async def test_what_temporal_missed_is_caught_up_within_the_window_and_no_further(
    killable: tuple[TemporalServer, Installation], window: int
):
    temporal, bare = killable
    policies: dict[str, Any] = {"overlap": "allow_all", "catch_up_seconds": window}
    async with bare.worker_process(), scheduled(bare, SHORT, OFTEN, **policies) as it:
        await eventually(lambda: times(it), lambda found: len(found) >= 2)
        await temporal.kill()
        down_at = datetime.now(UTC)
        await asyncio.sleep(OUTAGE_SECONDS)  # the length of the outage is the contract
        await temporal.restart()
        up_at = datetime.now(UTC)
        found = await eventually(
            lambda: times(it), lambda found: found[-1] > up_at + timedelta(seconds=6)
        )
        missing, missed = left_out(found), (await it.described()).missed
    caught_up = [each for each in found if down_at < each < up_at - timedelta(seconds=2)]
    print(
        f"window {window} s, down for {(up_at - down_at).total_seconds():.0f} s: "
        f"{len(caught_up)} caught up, {len(missing)} left out, Temporal counts {missed} missed"
    )
    assert caught_up
    assert len(set(found)) == len(found), "no time has two jobs"
    if window == 3600:
        assert (missing, missed) == ([], 0)
        return
    assert missed == len(missing) > 0
    assert down_at - PERIOD < missing[0]
    assert max(missing) < min(caught_up), "the newest were caught up, the oldest left out"
    assert timedelta(0) < up_at - min(caught_up) <= timedelta(seconds=window + 5)


async def test_without_workers_runs_wait_and_those_that_overlap_are_skipped(bare: Installation):
    async with scheduled(bare, SHORT, OFTEN, overlap="skip") as it:
        await eventually(it.described, lambda found: found.skipped >= 3)
        assert await it.jobs() == []
        async with bare.worker_process():
            found = await eventually(lambda: times(it), lambda found: len(found) >= 3)
        state = await it.described()
    print(f"{state.started} started, {state.skipped} skipped, {len(found)} have jobs so far")
    assert len(left_out(found)) >= 3, "what was skipped stays skipped"
    assert state.missed == 0


async def test_a_paused_schedule_makes_up_for_nothing_when_it_is_resumed(bare: Installation):
    async with (
        bare.worker_process(),
        scheduled(bare, SHORT, OFTEN, overlap="allow_all", catch_up_seconds=3600) as it,
    ):
        await eventually(lambda: times(it), lambda found: len(found) >= 2)
        await schedules.pause(it.at, "it", "a while")
        paused_at = datetime.now(UTC)
        await asyncio.sleep(7)  # the length of the pause is the contract
        await schedules.resume(it.at, "it", "on again")
        resumed_at = datetime.now(UTC)
        found = await eventually(lambda: times(it), lambda found: found[-1] > resumed_at)
        state = await it.described()
    meanwhile = [each for each in found if paused_at + PERIOD < each < resumed_at - PERIOD]
    print(f"paused for {(resumed_at - paused_at).total_seconds():.0f} s: {len(meanwhile)} jobs")
    assert meanwhile == []
    assert (state.missed, state.paused) == (0, False)
