"""Record the histories that the replay tests use: `python -m tests.workflows.record_histories`.

Every job type of ours is run three times, on servers of its own: to success, to failure and
canceled; so is a parent of other jobs. A job type of the tests is run through all that an approval
can come to. A history that is recorded already is kept, so that old ones go on proving that running
jobs survive new code; `--again` replaces them all.
"""

import argparse
import asyncio
import json
import re
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn

from jobs.approvals import ApprovalSettlement, ApprovalState, Settlement
from jobs.children import child_id
from jobs.model import JobRef
from jobs.registry import JobType
from jobs.values import JobId
from local.openai_emulator.app import create_app
from local.openai_emulator.settings import EmulatorSettings
from local.postgres import Postgres
from local.temporal import TemporalServer
from settings import CallbackSettings
from storage import approvals, delivery_log
from storage.approvals import Approval
from storage.migrate import migrate
from tests.callbacks.receiver import Answer, receiving
from tests.callbacks.recording import recorded
from tests.installation import (
    ATTRIBUTES,
    HERE,
    TENANT,
    Installation,
    eventually,
    installed,
    serving,
)
from tests.notifications.mailbox import channels_file, mailbox
from tests.workflows import approval_jobs, job_types  # noqa: F401 # declare them
from tests.workflows.examples import TEXT, example
from tests.workflows.families import STUCK, asking, child_asks, errand
from tests.workflows.looking import agreed, scripted, tell
from tests.workflows.pipelines import anna_approves, every_kind_of_node, in_batches
from tests.workflows.replaying import HISTORIES
from tests.workflows.scheduling import RUNS, turned
from tests.workflows.stocking import uploaded

CASES: dict[str, dict[str, Any]] = {
    "succeeded": {},
    "failed": {"outcome": "failed", "error_code": "invalid_prompt"},
    "canceled": {"outcome": "stuck"},
}
"""What the emulator is told in each case."""

ITS_OWN: dict[tuple[str, str], dict[str, Any]] = {
    ("process_pending_documents", "failed"): {"fault": "unauthorized", "fault_times": 100},
    ("summarize_text", "a_long_wait"): {"run_seconds": 2},
}
"""What the emulator is told instead, where the usual does not end a job like that."""
DELIVERIES = {"delivered": (204,), "refused_once": (500, 204), "gone": (410,)}
"""What the receiver answers in each case."""

OPS = """
[channels.ops]
type = "email"
host = "127.0.0.1"
port = {port}
security = "none"
from = "jobs@example.com"
to = ["ops@example.com"]
"""
"""A channel that leads to a mail server of ours."""

MORE_DOCUMENTS = 14
"""More than one group: the tree has two levels."""

PARENTS = "test_parents"
HAPPY = errand("inner", PARENTS, errands=[asking("leaf", "Two.")], last_words="Three.")
DOOMED = asking("doomed", scripted("No.", outcome="failed", error_code="invalid_prompt"))
FAMILIES: dict[str, dict[str, Any]] = {
    "succeeded": {"errands": [asking("one", "One."), HAPPY, DOOMED], "last_words": "Bye."},
    "failed": {"errands": [asking("slow", STUCK), DOOMED], "prompts": [STUCK], "is_strict": True},
    "canceled": {"errands": [asking("slow", STUCK), asking("one", "One.")], "prompts": [STUCK]},
}
"""What the parent is given in each case."""

PERSONAL = {"stackTrace", "identity", "requestId", "workerVersion", "sdkMetadata"}
"""Fields that name a machine or change with every recording and matter to no replay."""


ON_A_HOST = re.compile(r"\d+@[\w.-]+")
"""How sticky queues are named: process and host."""


@contextmanager
def emulating() -> Iterator[str]:
    """Serve an emulator on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(EmulatorSettings(latency_seconds=0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def a_house() -> AsyncIterator[Installation]:
    """Start everything a job needs."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="backburner-"))
        postgres = await stack.enter_async_context(Postgres(None, fsync=False))
        await migrate(postgres.dsn())
        temporal = await stack.enter_async_context(
            TemporalServer(None, ui=False, search_attributes=ATTRIBUTES)
        )
        house = await stack.enter_async_context(
            installed(
                database_url=postgres.dsn(),
                temporal_address=temporal.address,
                emulator_url=stack.enter_context(emulating()),
                folder=Path(folder),
                queue="recording",
            )
        )
        box = await stack.enter_async_context(mailbox())
        channels = channels_file(Path(folder), OPS.format(port=box.port))
        told = CallbackSettings(callback_networks=HERE, channels_file=channels)
        await stack.enter_async_context(serving(house, callback_settings=told))
        yield house


async def run(house: Installation, kind: JobType, case: str, payload: dict[str, Any]) -> JobId:
    """Run a job to the end that the case is named after."""
    if house.deeds is not None:
        long = timedelta(seconds=0.5 if case == "a_long_wait" else 60)
        house.deeds.responses.lease.long_wait_after = long
    script = ITS_OWN.get((kind.name, case), CASES.get(case, {}))
    await house.emulator.post("/reset")
    await house.emulator.post("/script", json={"default": script})
    job_id = await house.submit(kind.name, payload)
    if case == "approved":
        [shown] = await eventually(lambda: approvals.open_below(house.db, TENANT, job_id))
        edits = shown.shown["outline"] | {"title": "Edited"}
        await tell(house, job_id, "approve", {"digest": shown.digest, "edits": edits})
    if case == "canceled":
        await asks(house, job_id)
        await tell(house, job_id, "cancel", "recorded for the replay tests")
    async with anna_approves(house):
        row = await agreed(house, job_id)
    if case in CASES and row.status != case:
        raise SystemExit(f"{kind.name} should have {case}, but it {row.status}: {row.failure}")
    return job_id


async def asks(house: Installation, job_id: JobId) -> None:
    """Wait until a job, or one that it runs, has a response open at the provider."""
    counting = """SELECT count(*) FROM responses JOIN jobs ON jobs.id = responses.job_id
        WHERE jobs.root_id = $1 AND state = 'open' AND response_id IS NOT NULL"""
    await eventually(lambda: house.db.fetchval(counting, job_id))


def impersonal(value: Any) -> Any:
    """Return a history's JSON without what names a machine."""
    if isinstance(value, list):
        return [impersonal(each) for each in value]
    if isinstance(value, dict):
        return {key: impersonal(each) for key, each in value.items() if key not in PERSONAL}
    return value


async def record(house: Installation, kind: JobType, case: str, payload: dict[str, Any]) -> None:
    """Run a job and keep its history."""
    await keep(house, kind.name, case, await run(house, kind, case, payload))


async def record_families(house: Installation, *, again: bool) -> None:
    """Keep the histories of a parent of other jobs."""
    for case in FAMILIES:
        if again or not (HISTORIES / PARENTS / f"{case}.json").exists():
            await record_family(house, case)


async def record_family(house: Installation, case: str) -> None:
    """Run a parent of other jobs and keep its history."""
    await house.emulator.post("/reset")
    job_id = await house.submit(PARENTS, FAMILIES[case])
    if case == "canceled":
        await child_asks(house, job_id, "slow")
        await house.ended(child_id(job_id, "one"))
        await tell(house, job_id, "cancel", "recorded for the replay tests")
    await agreed(house, job_id)
    await keep(house, PARENTS, case, job_id)


async def record_approvals(house: Installation) -> None:
    """Keep the history of a job that is reminded, answered at the door and past it, or never."""
    asks = [
        {"key": "door", "title": "At the door", "remind_after": 1, "editable": True},
        {"key": "past", "title": "Past the door"},
        {"key": "never", "title": "Never", "timeout": 1, "default": "approve"},
    ]
    job_id = await house.submit("test_asks_people", {"asks": asks, "prompts": [TEXT]})

    async def opened() -> dict[str, Approval]:
        found = await approvals.open_below(house.db, TENANT, job_id)
        return {each.key: each for each in found}

    left = await eventually(opened, lambda found: set(found) == {"door", "past"})
    await tell(house, job_id, "reject", {"digest": left["past"].digest, "comment": "No."})
    await eventually(opened, lambda found: "door" in found and found["door"].reminders == 2)
    decided = await approvals.decide(
        house.db,
        ApprovalSettlement(
            job=JobRef(tenant=TENANT, job_id=job_id, type="test_asks_people"),
            key="door",
            digest=left["door"].digest,
            settlement=Settlement(state=ApprovalState.APPROVED, edits=[1], answer_id="recorded"),
        ),
    )
    if decided is None:
        raise SystemExit("the approval could not be decided")
    await tell(house, job_id, decided.signal[0], decided.signal[1])
    await agreed(house, job_id)
    await keep(house, "test_asks_people", "approvals", job_id)


async def record_deliveries(house: Installation, *, again: bool) -> None:
    """Keep the histories of telling programs and people."""
    for case, answers in DELIVERIES.items():
        if again or not (HISTORIES / "delivery" / f"{case}.json").exists():
            await record_delivery(house, case, *answers)
    if again or not (HISTORIES / "delivery" / "notified.json").exists():
        await record_notification(house)


async def record_delivery(house: Installation, case: str, *answers: int) -> None:
    """Tell a receiver of a job's end, answered in these ways, and keep the delivery's history."""
    async with receiving() as receiver:
        receiver.answers = [Answer(each) for each in answers]
        job_id = await recorded(house, receiver.url)
        delivery_id = await house.db.fetchval("SELECT id FROM deliveries WHERE job_id = $1", job_id)
        await receiver.got(len(answers))
        await house.closed(delivery_id)
    await keep(house, "delivery", case, delivery_id)


async def record_notification(house: Installation) -> None:
    """Tell people of something and keep the delivery's history."""
    sent = await delivery_log.insert_channel_test(house.db, TENANT, "ops", ())
    await house.closed(JobId(sent.id))
    await keep(house, "delivery", "notified", JobId(sent.id))


async def record_runs(house: Installation, *, again: bool) -> None:
    """Keep the histories of schedules' runs, and of a short turn of maintenance."""
    for case in RUNS:
        if again or not (HISTORIES / "scheduled_job" / f"{case}.json").exists():
            await house.emulator.post("/reset")
            await keep(house, "scheduled_job", case, await RUNS[case](house))
    if again or not (HISTORIES / "maintenance" / "turn.json").exists():
        await keep(house, "maintenance", "turn", await turned(house))


async def keep(house: Installation, name: str, case: str, workflow_id: JobId | str) -> None:
    """Write the history of a workflow that has ended to its file."""
    history = await house.client.get_workflow_handle(str(workflow_id)).fetch_history()
    path = HISTORIES / name / f"{case}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ON_A_HOST.sub("worker", json.dumps(impersonal(history.to_json_dict()), indent=1))
    await asyncio.to_thread(path.write_text, text + "\n", "utf-8")
    print(f"{name}/{case}: {len(history.events)} events")  # noqa: T201 # for whoever types it


async def more_cases(house: Installation) -> list[tuple[str, str, dict[str, Any]]]:
    """Return job types, cases and payloads beyond the three that every job type has."""
    documents = [
        str(await uploaded(house, f"{n}.txt", f"Boat {n} sailed.")) for n in range(MORE_DOCUMENTS)
    ]
    report = {"topic": "Boats", "sources": [{"text": TEXT}], "approve_outline": {}}
    return [
        ("summarize_documents", "a_tree", {"document_ids": documents}),
        ("summarize_text", "a_long_wait", {"text": TEXT}),
        ("generate_report", "approved", report),
        ("pipeline", "every_kind", every_kind_of_node()),
        ("pipeline", "batches", in_batches()),
    ]


async def main(*, again: bool) -> None:
    """Record what is missing, or everything."""
    async with a_house() as house:
        ours = [k for k in house.job_types.values() if k.workflow.__module__.startswith("workf")]
        for kind in ours:
            for case in CASES:
                document = str(await uploaded(house, "pilot.txt", TEXT))
                payload = example(kind.schemas()["input"], uuid=document)
                if kind.name == "process_pending_documents":
                    payload["document_ids"] = [document]  # or it takes those of the others, too
                if again or not (HISTORIES / kind.name / f"{case}.json").exists():
                    await record(house, kind, case, payload)
        for kind_name, case, payload in await more_cases(house):
            if again or not (HISTORIES / kind_name / f"{case}.json").exists():
                await record(house, house.job_types[kind_name], case, payload)
        await record_families(house, again=again)
        if again or not (HISTORIES / "test_asks_people" / "approvals.json").exists():
            await record_approvals(house)
        await record_deliveries(house, again=again)
        await record_runs(house, again=again)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Record histories for the replay tests.")
    parser.add_argument("--again", action="store_true", help="replace those recorded already")
    asyncio.run(main(again=parser.parse_args().again))
