"""What must be true after any storm: the promises, checked against everybody's books."""

from collections import Counter, defaultdict
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from tests.chaos import ledger
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
        responses = [dict(row) for row in await self._world.rows("SELECT * FROM responses")]
        created = {each["id"]: each for each in await self._world.emulated("ledger")}
        self._clients_are_told_what_is_wrong()
        self._acknowledged_jobs_are_never_lost(jobs)
        self._all_jobs_end(jobs)
        self._terminal_states_never_change(jobs)
        self._acknowledged_cancels_count(jobs)
        self._everybody_is_called_back_under_one_id(jobs)
        self.broken += ledger.broken_promises(jobs, responses, created)
        await self._decisions_stand()
        await self._events_have_no_gaps()
        await self._temporal_agrees(jobs)
        return self.broken

    def _clients_are_told_what_is_wrong(self) -> None:
        for told in self._diary.of("astray"):
            self.broken.append(f"{told['op']} was answered {told['http']}: {told['told']}")

    def _acknowledged_jobs_are_never_lost(self, jobs: dict[str, Row]) -> None:
        ids: dict[str, set[str]] = defaultdict(set)
        for told in self._diary.of("ok", op="submit"):
            ids[told["key"]].add(told["told"]["job_id"])
        for key, found in ids.items():
            if len(found) > 1:
                self.broken.append(f"{key} was told of several jobs: {found}")
            for job_id in found - jobs.keys():
                self.broken.append(f"job {job_id} was acknowledged and is gone")

    def _all_jobs_end(self, jobs: dict[str, Row]) -> None:
        """Children too, and jobs whose acknowledgement was lost on its way."""
        for job_id, job in jobs.items():
            if job["status"] not in TERMINAL:
                self.broken.append(f"job {job_id} never ended: {job['status']}")

    def _terminal_states_never_change(self, jobs: dict[str, Row]) -> None:
        first: dict[str, str] = {}
        for told in self._diary.of("ok", op="look"):
            job_id, status = told["told"]["job_id"], told["told"]["status"]
            if status in TERMINAL:
                first.setdefault(job_id, status)
        for job_id, status in first.items():
            now = jobs[job_id]["status"] if job_id in jobs else "gone"
            if now != status:
                self.broken.append(f"job {job_id} was {status} and is {now}")

    def _acknowledged_cancels_count(self, jobs: dict[str, Row]) -> None:
        for told in self._diary.of("ok", op="cancel"):
            job_id, status = told["told"]["job_id"], told["told"]["status"]
            now = jobs[job_id]["status"] if job_id in jobs else "gone"
            if status not in TERMINAL and now != "canceled":
                self.broken.append(f"the cancel of job {job_id} was taken, and it {now}")

    def _everybody_is_called_back_under_one_id(self, jobs: dict[str, Row]) -> None:
        heard: dict[str, list[Row]] = defaultdict(list)
        for each in self._world.ear.heard:
            if each["status"] in TERMINAL:
                heard[each["job_id"]].append(each)
        for told in self._diary.of("ok", op="submit"):
            job_id = told["told"]["job_id"]
            calls = heard[job_id]
            if job_id not in jobs or jobs[job_id]["status"] not in TERMINAL:
                continue  # told of above
            if not any(each["accepted"] for each in calls):
                self.broken.append(f"job {job_id} ended and nobody was called back")
            if len({each["id"] for each in calls}) > 1:
                self.broken.append(f"the end of job {job_id} was told under several ids")
            if said := {each["status"] for each in calls} - {jobs[job_id]["status"]}:
                self.broken.append(f"a callback said that job {job_id} {said}")

    async def _decisions_stand(self) -> None:
        rows = await self._world.rows("SELECT * FROM approvals")
        states = {(str(row["job_id"]), row["key"]): row["state"] for row in rows}
        for told in self._diary.of("ok", op="approve"):
            place = (told["told"]["job_id"], told["told"]["key"])
            if states.get(place) != "approved":
                self.broken.append(f"{place} was approved and is {states.get(place, 'gone')}")
        still = Counter(states.values())["open"]
        if still:
            self.broken.append(f"{still} approvals are open although all jobs ended")

    async def _events_have_no_gaps(self) -> None:
        rows = await self._world.rows(
            "SELECT job_id, count(*) AS n, min(seq) AS first, max(seq) AS last, "
            "(SELECT last_seq FROM jobs WHERE id = job_id) AS told FROM job_events GROUP BY job_id"
        )
        for row in rows:
            if row["first"] != 1 or row["n"] != row["last"] or row["last"] != row["told"]:
                self.broken.append(f"the events of job {row['job_id']} have a gap: {dict(row)}")

    async def _temporal_agrees(self, jobs: dict[str, Row]) -> None:
        client = await self._world.temporal()
        for job_id, job in jobs.items():
            if job["started_at"] is None or job["status"] not in TERMINAL:
                continue  # canceled before it began: there may be no workflow
            found = await client.get_workflow_handle(job_id).describe()
            if found.status is not CLOSED_AS[job["status"]]:
                self.broken.append(f"job {job_id} {job['status']}, its workflow {found.status}")
