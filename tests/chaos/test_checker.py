"""The checker finds a broken promise when there is one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos.checker import Checker
from tests.chaos.diary import Diary
from tests.chaos.world import World

JOB = {"status": "succeeded", "output_tokens": 5, "started_at": None}
ROW = {"job_id": "1", "step_key": "1", "state": "effective", "response_id": "r"}
MADE = {"usage": {"output_tokens": 5}}
NUMBERED = {"job_id": "1", "n": 3, "first": 1, "last": 3, "told": 3}
SUBMITTED = {"op": "submit", "key": "a", "told": {"job_id": "1", "status": "pending"}}
SEEN = {"op": "look", "key": "a", "told": {"job_id": "1", "status": "succeeded"}}
CANCELED = {"op": "cancel", "key": "a", "told": {"job_id": "1", "status": "running"}}


class Books:
    """Everybody's books as they should be; a test spoils one of them."""

    def __init__(self, **spoiled: Any) -> None:
        self.jobs: list[Any] = [{"id": "1", **JOB}]
        self.ledger: list[Any] = [{**ROW, "usage": '{"output_tokens": 5}'}]
        self.created: list[Any] = [{"id": "r", **MADE}]
        self.events: list[Any] = [NUMBERED]
        self.told: list[Any] = [SUBMITTED, SEEN]
        vars(self).update(spoiled)

    async def rows(self, query: str) -> list[Any]:
        tables = {"FROM job_events": self.events, "FROM responses": self.ledger}
        return next((rows for part, rows in tables.items() if part in query), self.jobs)

    async def emulated(self, _: str) -> list[Any]:
        return self.created

    async def temporal(self) -> Any:
        return SimpleNamespace()


async def found(books: Books, folder: Path) -> list[str]:
    diary = Diary(folder / "diary.jsonl")
    for told in books.told:
        diary.write("ok", **told)
    return await Checker(cast("World", books), diary).check()


async def test_sound_books_break_no_promise(tmp_path: Path):
    assert await found(Books(), tmp_path) == []


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        ({"jobs": []}, "is gone"),
        ({"jobs": [{"id": "1", **JOB, "status": "running"}]}, "never ended"),
        ({"jobs": [{"id": "1", **JOB, "status": "failed"}]}, "was succeeded and is failed"),
        ({"jobs": [{"id": "1", **JOB, "output_tokens": 9}]}, "shows 9 tokens"),
        ({"created": [{"id": "r", "usage": {"output_tokens": 6}}]}, "cost 6 tokens"),
        ({"created": [{"id": "r", **MADE}, {"id": "s", **MADE}]}, "nobody knows it"),
        ({"events": [{**NUMBERED, "n": 2}]}, "have a gap"),
        ({"told": [{**SUBMITTED, "told": {"job_id": n}} for n in "12"]}, "several jobs"),
        (
            {"told": [{**SEEN, "op": "cancel", "told": {"job_id": "1", "status": "running"}}]},
            "taken",
        ),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
async def test_a_broken_promise_is_found(tmp_path: Path, spoiled: dict[str, Any], words: str):
    broken = await found(Books(**spoiled), tmp_path)

    assert any(words in each for each in broken), broken


async def test_two_effective_responses_of_a_step_are_found(tmp_path: Path):
    twice = [{**ROW, "usage": None, "response_id": name} for name in "rs"]
    books = Books(jobs=[{"id": "1", **JOB, "output_tokens": 0}], ledger=twice, created=[])

    assert any("2 effective" in each for each in await found(books, tmp_path))


async def test_an_open_response_of_an_ended_job_is_found(tmp_path: Path):
    books = Books(ledger=[{**ROW, "state": "open", "usage": '{"output_tokens": 5}'}])

    assert any("is open although" in each for each in await found(books, tmp_path))
