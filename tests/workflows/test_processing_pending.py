"""`process_pending_documents`: each document once, by a job of its own, whatever happens."""

from typing import Any

from jobs.library import DocumentState
from jobs.status import JobStatus
from jobs.values import DocumentId, JobId
from storage import documents
from storage.documents import Document
from tests.installation import TENANT, Installation, eventually
from tests.workflows.families import all_agreed, family
from tests.workflows.looking import scripted, tell
from tests.workflows.stocking import uploaded

TYPE = "process_pending_documents"
STUCK = scripted("It rained all day long in the harbour.", outcome="stuck")


async def several(house: Installation, count: int) -> list[DocumentId]:
    return [await uploaded(house, f"{n}.txt", f"Boat {n} sailed away.") for n in range(count)]


async def carried(house: Installation, **payload: Any) -> dict[str, Any]:
    """Run the job to success and return its result; the whole family is checked."""
    rows = await all_agreed(house, await house.submit(TYPE, payload))
    assert (rows[0].status, rows[0].failure) == (JobStatus.SUCCEEDED, None)
    result: dict[str, Any] = await house.result(rows[0].id)
    return result


async def seen(house: Installation, document_id: DocumentId) -> Document:
    return await documents.get(house.db, TENANT, document_id)


async def states(house: Installation, ids: list[DocumentId]) -> list[str]:
    return [(await seen(house, each)).state for each in ids]


async def test_every_pending_document_is_processed_by_a_job_of_its_own(house: Installation):
    ids = await several(house, 3)
    result = await carried(house)

    assert (result["processed"], result["failed"], result["left"]) == (3, 0, 0)
    assert [each["document_id"] for each in result["documents"]] == [str(each) for each in ids]
    for each, document_id in zip(result["documents"], ids, strict=True):
        document = await seen(house, document_id)
        assert (document.state, str(document.job_id)) == ("processed", each["job_id"])
        assert (await house.result(JobId(each["job_id"])))["document_id"] == str(document_id)
    assert await carried(house) == {"processed": 0, "failed": 0, "left": 0, "documents": []}


async def test_the_oldest_are_taken_first_and_the_rest_is_counted(house: Installation):
    ids = await several(house, 3)
    result = await carried(house, limit=2, at_once=1)

    assert (result["processed"], result["left"]) == (2, 1)
    assert await states(house, ids) == ["processed", "processed", "pending"]


async def test_documents_that_are_processed_already_are_told_as_such(house: Installation):
    ids = await several(house, 2)
    first = await carried(house, document_ids=[str(ids[0])])
    result = await carried(house, document_ids=[str(each) for each in ids])

    told = {each["document_id"]: each for each in result["documents"]}
    assert told[str(ids[0])]["status"] == "already_processed"
    assert told[str(ids[0])]["job_id"] == first["documents"][0]["job_id"]
    assert told[str(ids[1])]["status"] == "processed"
    assert len(await house.created()) == 2


async def test_a_document_that_fails_is_marked_and_taken_again_only_when_asked(house: Installation):
    good, bad = await uploaded(house, "a.txt", "Boats sail."), await uploaded(house, "b.txt", "")
    result = await carried(house)
    assert (result["processed"], result["failed"]) == (1, 1)
    assert result["documents"][1]["error_code"] == "document_empty"
    document = await seen(house, bad)
    assert (document.state, document.failure and document.failure.code) == (
        "failed",
        "document_empty",
    )

    assert (await carried(house))["documents"] == []
    named = await carried(house, document_ids=[str(bad), str(good)])
    assert [d["status"] for d in named["documents"]] == ["failed_before", "already_processed"]
    again = await carried(house, retry_failed=True)
    assert [each["status"] for each in again["documents"]] == ["failed"]


async def test_two_at_once_share_the_documents_and_pay_for_each_once(house: Installation):
    ids = await several(house, 6)
    both = [await house.submit(TYPE, {"limit": 4}) for _ in range(2)]
    families = [await all_agreed(house, each) for each in both]

    results = [await house.result(rows[0].id) for rows in families]
    taken = [each["document_id"] for result in results for each in result["documents"]]
    assert sorted(taken) == sorted(str(each) for each in ids)
    assert len(await house.created()) == 6


async def test_a_cancel_makes_unfinished_documents_pending_again(house: Installation):
    stuck = await uploaded(house, "stuck.txt", STUCK)
    waiting = await uploaded(house, "waiting.txt", "Boats sail.")
    job_id = await house.submit(TYPE, {"at_once": 1})
    await eventually(
        lambda: seen(house, stuck), lambda found: found.state is DocumentState.PROCESSING
    )
    assert await states(house, [waiting]) == ["processing"]
    assert (await seen(house, waiting)).job_id is None
    await tell(house, job_id, "cancel", "enough")

    rows = await all_agreed(house, job_id)
    assert {row.status for row in rows} == {JobStatus.CANCELED}
    assert await states(house, [stuck, waiting]) == ["pending", "pending"]


async def test_trouble_that_would_meet_every_document_leaves_the_rest_pending(house: Installation):
    ids = await several(house, 4)
    trouble = {"fault": "unauthorized", "fault_times": 100}
    await house.emulator.post("/script", json={"default": trouble})
    job_id = await house.submit(TYPE, {"at_once": 1})
    row = await house.ended(job_id)

    assert row.failure is not None
    assert row.failure.code == "provider_unauthorized"
    left = ["failed", "pending", "pending", "pending"]
    await eventually(lambda: states(house, ids), lambda found: found == left)


async def test_a_job_submitted_directly_moves_the_state_of_its_document_too(house: Installation):
    document_id = await uploaded(house, "boats.txt", "Boats sail.")
    job_id = await house.submit("process_document", {"document_id": str(document_id)})
    await house.ended(job_id)

    document = await seen(house, document_id)
    assert (document.state, document.job_id) == ("processed", job_id)
    assert (await carried(house))["documents"] == []
    assert len(await family(house, job_id)) == 1


async def test_a_child_that_is_canceled_by_itself_is_told_as_such(house: Installation):
    stuck = await uploaded(house, "stuck.txt", STUCK)
    job_id = await house.submit(TYPE, {})
    found = await eventually(
        lambda: seen(house, stuck), lambda document: document.job_id is not None
    )
    assert found.job_id is not None
    await tell(house, found.job_id, "cancel", "not this one")

    rows = await all_agreed(house, job_id)
    assert [row.status for row in rows] == [JobStatus.SUCCEEDED, JobStatus.CANCELED]
    assert [d["status"] for d in (await house.result(job_id))["documents"]] == ["canceled"]
    assert await states(house, [stuck]) == ["pending"]
