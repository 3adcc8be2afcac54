"""Hooks are told, and whatever they do, those who tell them go on."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from jobs.ids import uuid7
from jobs.model import Ending, JobRef
from jobs.moments import JobEnded, JobStarted, JobSubmitted, Moment
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage import job_moves
from telemetry import hooks
from telemetry.hooks import HookRefused, Hooks
from telemetry.observer import observe, observe_surely
from tests.callbacks.recording import recorded
from tests.installation import TENANT, Installation
from tests.telemetry.counted import Counts
from tests.telemetry.hooked import install

JOB = JobRef(tenant=Tenant("default"), job_id=JobId(uuid7(0)), type="summarize_text")
STARTED = JobStarted(job=JOB)
ENDED = JobEnded(job=JOB, status=JobStatus.SUCCEEDED)


class Diary:
    """A hook that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Moment] = []

    async def hook(self, moment: Moment) -> None:
        self.told.append(moment)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    return Counts(monkeypatch)


def test_every_hook_is_told_in_the_order_of_the_moments():
    one, other = Diary(), Diary()
    with hooks.installed({"one": one.hook, "other": other.hook}):
        observe(STARTED)
        observe(ENDED)
    assert one.told == other.told == [STARTED, ENDED]


async def test_a_deed_waits_for_hooks_that_must_not_miss_a_moment():
    diary = Diary()
    with hooks.installed({"diary": diary.hook}):
        await observe_surely(ENDED)
        assert diary.told == [ENDED]


async def test_a_hook_that_blocks_its_thread_holds_no_deed_up_for_ever():
    release = threading.Event()

    async def stubborn(_: Moment) -> None:
        release.wait()

    with hooks.installed({"stubborn": stubborn}):
        await observe_surely(ENDED)
        observe(STARTED)
        release.set()  # not before: nobody waited for the hook


async def test_a_hook_that_fails_is_logged_and_counted_and_the_others_are_told(
    counts: Counts, caplog: pytest.LogCaptureFixture
):
    async def broken(_: Moment) -> None:
        raise RuntimeError("no such table")

    async def quits(_: Moment) -> None:
        raise SystemExit

    diary = Diary()
    with hooks.installed({"broken": broken, "diary": diary.hook, "quits": quits}):
        await observe_surely(ENDED)
        await observe_surely(STARTED)
    assert diary.told == [ENDED, STARTED]
    assert "hook broken failed at job.ended" in caplog.text
    assert counts.of("backburner_hook_calls", "outcome")["failed"] == 2


def test_a_hook_that_takes_too_long_is_cut_off(counts: Counts):
    async def slow(_: Moment) -> None:
        await asyncio.Event().wait()

    with hooks.installed({"slow": slow}, seconds=0.05):
        observe(ENDED)
    assert counts.of("backburner_hook_calls", "outcome")["timed_out"] == 1


def test_no_more_calls_are_kept_than_can_be_held(counts: Counts, monkeypatch: pytest.MonkeyPatch):
    release = threading.Event()

    async def stuck(_: Moment) -> None:
        release.wait()

    monkeypatch.setattr(hooks, "MOST", 3)
    with hooks.installed({"stuck": stuck}):
        for _ in range(5):
            observe(STARTED)
        release.set()
    assert counts.of("backburner_hook_calls", "outcome") == {
        "dropped": 2,
        "done": 3,
        "failed": 0,
        "timed_out": 0,
    }


def test_closing_cuts_off_what_does_not_end():
    async def endless(_: Moment) -> None:
        await asyncio.Event().wait()

    told = Hooks({"endless": endless}, seconds=60)
    told.hand(STARTED)
    told._seconds = -1.0  # closing waits a second longer than a call may take
    told.close()
    assert not told._thread.is_alive()


async def test_an_end_that_was_recorded_before_is_told_again_and_counted_once(
    bare: Installation, counts: Counts
):
    diary = Diary()
    with hooks.installed({"diary": diary.hook}):
        job_id = await recorded(bare, None)
        job = JobRef(tenant=TENANT, job_id=job_id, type="summarize_text")
        late = Ending(job=job, status=JobStatus.CANCELED, started_at=None)
        await job_moves.finish(bare.db, late)
    assert [type(each) for each in diary.told] == [JobSubmitted, JobEnded, JobEnded]
    assert [each.status for each in diary.told[1:] if isinstance(each, JobEnded)] == [
        JobStatus.SUCCEEDED,
        JobStatus.SUCCEEDED,
    ]
    assert counts.of("backburner_jobs_ended", "status") == {"succeeded": 1}


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("async def other(moment): ...", "cannot be loaded"),
        ("import acme_absent", "cannot be loaded"),
        ("def hook(moment): ...", "not an async function"),
    ],
    ids=["absent", "unimportable", "synchronous"],
)
def test_what_cannot_be_a_hook_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, reason: str
):
    folder = install(tmp_path, module, "audit = acme_hooks:hook")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "acme_hooks", raising=False)
    with pytest.raises(HookRefused, match=f"'audit'.*{reason}"):
        hooks.discover()
