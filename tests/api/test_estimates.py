from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import BaseModel, RootModel

from api.estimates import Estimates, expectation
from api.pointers import DEEPEST, unstorable
from jobs.document_ids import document_ids
from jobs.pointers import pointer
from jobs.values import DocumentId, JobId, Tenant
from storage.database import Database
from storage.job_lists import Durations

MINUTE = timedelta(minutes=1)
TENANT = Tenant("one")


@pytest.mark.parametrize(
    ("history", "elapsed", "remaining"),
    [
        (None, 0, 60),
        (None, 59.5, 1),
        (None, 100, 10),
        (Durations(4, 10, 20), 0, 60),
        (Durations(5, 10, 20), 0, 10),
        (Durations(5, 10, 20), 10, 10),
        (Durations(5, 10, 20), 15.5, 5),
        (Durations(5, 10, 20), 100, 10),
        (Durations(5, 0.2, 0.4), 0, 1),
    ],
)
def test_the_estimate_follows_history_and_never_promises_the_past(history, elapsed, remaining):
    assert expectation(history, MINUTE).remaining(elapsed) == remaining


async def test_durations_are_asked_once_for_many_replies():
    asked = []

    class Recording(Database):
        def __init__(self) -> None:
            pass

        async def fetchrow(self, *args):
            asked.append(args)
            return {"count": 9, "median": 7.0, "p95": 9.0}

    estimates = Estimates(Recording())
    for _ in range(3):
        assert (await estimates.of(TENANT, "a", MINUTE)).typical == 7.0
    await estimates.of(TENANT, "b", MINUTE)
    await estimates.of(Tenant("another"), "a", MINUTE)
    assert len(asked) == 3


class Chapter(BaseModel):
    source: DocumentId | None = None
    job: JobId | None = None


class Many(RootModel[list[DocumentId]]):
    pass


class Book(BaseModel):
    cover: DocumentId
    chapters: list[Chapter] = []
    by_name: dict[str, DocumentId] = {}
    pair: tuple[DocumentId, int] | None = None
    rest: Many = Many([])


def test_documents_are_found_wherever_a_payload_declares_them():
    ids = [uuid4() for _ in range(6)]
    book = Book(
        cover=ids[0],
        chapters=[Chapter(), Chapter(source=ids[1], job=ids[5])],
        by_name={"a/b": ids[2]},
        pair=(ids[3], 1),
        rest=Many([ids[4]]),
    )
    assert dict(document_ids(book, "/payload")) == {
        "/payload/cover": ids[0],
        "/payload/chapters/1/source": ids[1],
        "/payload/by_name/a~1b": ids[2],
        "/payload/pair/0": ids[3],
        "/payload/rest/0": ids[4],
    }


def test_a_pointer_leaves_out_what_is_not_in_the_document():
    document = {"parts": [{"kind": "text"}]}
    assert pointer(["parts", 0, "text", "words"], document, "missing") == "/parts/0/words"
    assert pointer(["parts", 0, "text", "kind"], document, "enum") == "/parts/0/kind"
    assert pointer(["parts", "[key]"], document, "string_type") == "/parts"


def test_what_cannot_be_stored_is_found():
    document = {"a": [1.5, "ok", "\0"], "b": {"c": "\ud800"}, "d": float("nan")}
    assert {each["pointer"] for each in unstorable(document)} == {"/a/2", "/b/c", "/d"}


def test_what_can_be_stored_is_neither_copied_nor_named():
    class Watched(list[str]):
        taken = 0

        def __iter__(self):
            for each in super().__iter__():
                self.taken += 1
                yield each

    watched = Watched(["\0"] * 1000)
    assert next(unstorable({"a": [0] * 1000, "b": watched}))["pointer"] == "/b/0"
    assert watched.taken == 1


@pytest.mark.parametrize("levels", [DEEPEST, DEEPEST + 1])
def test_nesting_is_bounded_to_the_level(levels):
    document: list[object] = []
    for _ in range(levels):
        document = [document]
    found = [each["pointer"] for each in unstorable(document)]
    assert found == ([] if levels == DEEPEST else ["/0" * levels])
