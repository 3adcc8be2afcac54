"""The checker finds a broken promise when there is one: each test spoils sound books in one way."""

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.chaos.checker import Checker
from tests.chaos.diary import Diary
from tests.chaos.world import World

DIME = Decimal("0.1")
JOB = {
    "id": "1",
    "status": "succeeded",
    "output_tokens": 5,
    "cost_usd": DIME,
    "ancestors": [],
    "started_at": "then",
}
CHILD = {**JOB, "id": "2", "ancestors": ["1"]}
ROW = {
    "job_id": "1",
    "step_key": "1",
    "state": "effective",
    "response_id": "r",
    "usage": '{"output_tokens": 5}',
    "cost_usd": DIME,
}
MADE = {"id": "r", "usage": {"output_tokens": 5}, "terminal_at": 1.0, "cancelled_at": None}
NUMBERED = {"job_id": "1", "n": 3, "first": 1, "last": 3, "told": 3}
APPROVAL = {"job_id": "1", "key": "a", "state": "approved"}
CALL = {"id": "c", "job_id": "1", "status": "succeeded", "accepted": True}
SUBMITTED = {"op": "submit", "key": "a", "told": {"job_id": "1", "status": "pending"}}
SEEN = {"op": "look", "key": "a", "told": {"job_id": "1", "status": "succeeded"}}
CANCELED = {"op": "cancel", "key": "a", "told": {"job_id": "1", "status": "running"}}
APPROVED = {"op": "approve", "key": "a", "told": {"job_id": "1", "key": "a", "state": "approved"}}
ASTRAY = {"what": "astray", "op": "look", "key": "a", "http": 500, "told": {}}


class Books:
    """Everybody's books as they should be; a test spoils one of them."""

    def __init__(self, **spoiled: Any) -> None:
        self.jobs: list[Any] = [JOB]
        self.ledger: list[Any] = [ROW]
        self.created: list[Any] = [MADE]
        self.events: list[Any] = [NUMBERED]
        self.approvals: list[Any] = [APPROVAL]
        self.calls: list[Any] = [CALL]
        self.closed_as = WorkflowExecutionStatus.COMPLETED
        self.told: list[Any] = [SUBMITTED, SEEN, APPROVED]
        vars(self).update(spoiled)
        self.ear = SimpleNamespace(heard=self.calls)

    async def rows(self, query: str) -> list[Any]:
        tables = {
            "FROM job_events": self.events,
            "FROM responses": self.ledger,
            "FROM approvals": self.approvals,
        }
        return next((rows for part, rows in tables.items() if part in query), self.jobs)

    async def emulated(self, _: str) -> list[Any]:
        return self.created

    async def temporal(self) -> Any:
        async def describe() -> Any:
            return SimpleNamespace(status=self.closed_as)

        return SimpleNamespace(get_workflow_handle=lambda _: SimpleNamespace(describe=describe))


async def found(books: Books, folder: Path) -> list[str]:
    diary = Diary(folder / "diary.jsonl")
    for told in books.told:
        diary.write(**{"what": "ok", **told})
    return await Checker(cast("World", books), diary).check()


async def test_sound_books_break_no_promise(tmp_path: Path):
    assert await found(Books(), tmp_path) == []


async def test_what_a_child_costs_counts_for_its_parent_too(tmp_path: Path):
    family = [{**JOB, "output_tokens": 5}, CHILD]
    assert await found(Books(jobs=family, ledger=[{**ROW, "job_id": "2"}]), tmp_path) == []


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        ({"jobs": []}, "is gone"),
        ({"jobs": [{**JOB, "status": "running"}]}, "never ended"),
        ({"jobs": [JOB, {**CHILD, "status": "running", "output_tokens": 0}]}, "job 2 never ended"),
        ({"jobs": [{**JOB, "status": "failed"}]}, "was succeeded and is failed"),
        ({"jobs": [{**JOB, "output_tokens": 9}]}, "shows 9 tokens"),
        ({"jobs": [{**JOB, "cost_usd": None}]}, "shows $None"),
        ({"jobs": [JOB, CHILD], "ledger": [ROW, {**ROW, "job_id": "2"}]}, "job 1 shows 5 tokens"),
        ({"ledger": [ROW, {**ROW, "response_id": "s"}]}, "2 effective"),
        ({"ledger": [{**ROW, "state": "open"}]}, "is open although"),
        ({"ledger": [{**ROW, "state": "canceled"}]}, "never heard of it"),
        ({"created": [{**MADE, "usage": {"output_tokens": 6}}]}, "cost 6 output_tokens"),
        ({"created": [{**MADE, "usage": {"input_tokens": 1, "output_tokens": 5}}]}, "1 input_"),
        ({"created": [MADE, {**MADE, "id": "s"}]}, "nobody knows it"),
        ({"created": [{**MADE, "terminal_at": None}]}, "still runs at the provider"),
        ({"events": [{**NUMBERED, "n": 2}]}, "have a gap"),
        ({"events": [{**NUMBERED, "told": 4}]}, "have a gap"),
        ({"closed_as": WorkflowExecutionStatus.FAILED}, "its workflow"),
        ({"told": [{**SUBMITTED, "told": {"job_id": n}} for n in "12"]}, "several jobs"),
        ({"told": [CANCELED]}, "was taken"),
        ({"told": [ASTRAY]}, "was answered 500"),
        ({"approvals": [{**APPROVAL, "state": "withdrawn"}]}, "was approved and is withdrawn"),
        ({"approvals": [APPROVAL, {**APPROVAL, "key": "b", "state": "open"}]}, "1 approvals are"),
        ({"calls": []}, "nobody was called back"),
        ({"calls": [{**CALL, "accepted": False}]}, "nobody was called back"),
        ({"calls": [CALL, {**CALL, "id": "d"}]}, "under several ids"),
        ({"calls": [CALL, {**CALL, "status": "failed"}]}, "a callback said"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
async def test_a_broken_promise_is_found(tmp_path: Path, spoiled: dict[str, Any], words: str):
    broken = await found(Books(**spoiled), tmp_path)

    assert any(words in each for each in broken), broken
