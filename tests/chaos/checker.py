"""What must be true after any storm: the promises, checked against everybody's books."""

import json
from collections import Counter, defaultdict
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from tests.chaos.clients import TERMINAL
from tests.chaos.diary import Diary
from tests.chaos.world import World

Row = dict[str, Any]

CLOSED_AS = {
    "succeeded": WorkflowExecutionStatus.COMPLETED,
    "failed": WorkflowExecutionStatus.FAILED,
    "canceled": WorkflowExecutionStatus.CANCELED,
}


class Checker:
    """Looks for broken promises; each one found is a sentence."""

    def __init__(self, world: World, diary: Diary) -> None:
        self._world, self._diary = world, diary
        self.broken: list[str] = []

    async def check(self) -> list[str]:
        """Check every promise and return the broken ones."""
        jobs = {str(row["id"]): dict(row) for row in await self._world.rows("SELECT * FROM jobs")}
        ledger = [dict(row) for row in await self._world.rows("SELECT * FROM responses")]
        created = {each["id"]: each for each in await self._world.emulated("ledger")}
        self._acknowledged_jobs_are_never_lost(jobs)
        self._terminal_states_never_change(jobs)
        self._no_step_has_two_effective_responses(ledger)
        self._every_create_is_accounted_for(ledger, created)
        self._every_token_is_counted_once(jobs, ledger, created)
        self._acknowledged_cancels_count(jobs)
        await self._events_have_no_gaps()
        await self._temporal_agrees(jobs)
        return self.broken

    def _acknowledged_jobs_are_never_lost(self, jobs: dict[str, Row]) -> None:
        ids: dict[str, set[str]] = defaultdict(set)
        for told in self._diary.of("ok", op="submit"):
            ids[told["key"]].add(told["told"]["job_id"])
        for key, found in ids.items():
            if len(found) > 1:
                self.broken.append(f"{key} was told of several jobs: {found}")
            for job_id in found:
                if job_id not in jobs:
                    self.broken.append(f"job {job_id} was acknowledged and is gone")
                elif jobs[job_id]["status"] not in TERMINAL:
                    self.broken.append(f"job {job_id} never ended: {jobs[job_id]['status']}")

    def _terminal_states_never_change(self, jobs: dict[str, Any]) -> None:
        first: dict[str, str] = {}
        for told in self._diary.of("ok", op="look"):
            job_id, status = told["told"]["job_id"], told["told"]["status"]
            if status in TERMINAL:
                first.setdefault(job_id, status)
        for job_id, status in first.items():
            now = jobs[job_id]["status"] if job_id in jobs else "gone"
            if now != status:
                self.broken.append(f"job {job_id} was {status} and is {now}")

    def _no_step_has_two_effective_responses(self, ledger: list[Row]) -> None:
        found = Counter(
            (row["job_id"], row["step_key"]) for row in ledger if row["state"] == "effective"
        )
        self.broken += [f"{step} has {n} effective responses" for step, n in found.items() if n > 1]

    def _every_create_is_accounted_for(self, ledger: list[Row], created: dict[str, Any]) -> None:
        known = {row["response_id"] for row in ledger}
        self.broken += [
            f"{row['response_id']} is open although all jobs ended"
            for row in ledger
            if row["state"] == "open"
        ]
        self.broken += [
            f"{response_id} was created and nobody knows it: {each}"
            for response_id, each in created.items()
            if response_id not in known
        ]

    def _every_token_is_counted_once(
        self, jobs: dict[str, Row], ledger: list[Row], created: dict[str, Any]
    ) -> None:
        booked: Counter[str] = Counter()
        for row in ledger:
            usage = json.loads(row["usage"] or "{}")
            booked[str(row["job_id"])] += usage.get("output_tokens", 0)
            made = created.get(row["response_id"])
            if made and row["state"] == "effective":
                self._agrees(row["response_id"], usage.get("output_tokens", 0), made)
        for job_id, job in jobs.items():
            if job["output_tokens"] != booked[job_id]:
                self.broken.append(
                    f"job {job_id} shows {job['output_tokens']} tokens, its responses "
                    f"{booked[job_id]}"
                )

    def _agrees(self, response_id: str, booked: int, made: dict[str, Any]) -> None:
        theirs = (made["usage"] or {}).get("output_tokens", 0)
        if booked != theirs:
            self.broken.append(f"{response_id} cost {theirs} tokens and is booked with {booked}")

    def _acknowledged_cancels_count(self, jobs: dict[str, Row]) -> None:
        for told in self._diary.of("ok", op="cancel"):
            job_id, status = told["told"]["job_id"], told["told"]["status"]
            now = jobs[job_id]["status"] if job_id in jobs else "gone"
            if status not in TERMINAL and now != "canceled":
                self.broken.append(f"the cancel of job {job_id} was taken, and it {now}")

    async def _events_have_no_gaps(self) -> None:
        rows = await self._world.rows(
            "SELECT job_id, count(*) AS n, min(seq) AS first, max(seq) AS last, "
            "(SELECT last_seq FROM jobs WHERE id = job_id) AS told FROM job_events GROUP BY job_id"
        )
        for row in rows:
            if row["first"] != 1 or row["n"] != row["last"] or row["last"] != row["told"]:
                self.broken.append(f"the events of job {row['job_id']} have a gap: {dict(row)}")

    async def _temporal_agrees(self, jobs: dict[str, Any]) -> None:
        client = await self._world.temporal()
        for job_id, job in jobs.items():
            if job["started_at"] is None:
                continue  # canceled before it began: there may be no workflow
            found = await client.get_workflow_handle(job_id).describe()
            if found.status is not CLOSED_AS[job["status"]]:
                self.broken.append(f"job {job_id} {job['status']}, its workflow {found.status}")
