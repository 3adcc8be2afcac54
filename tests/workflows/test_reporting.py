"""`generate_report`, end to end: facts, outline, approval with edits, sections, the whole."""

import json
from pathlib import Path
from typing import Any

from jobs.status import JobStatus
from jobs.values import JobId
from storage import approvals
from tests.installation import TENANT, Installation, eventually
from tests.workflows.looking import agreed, carried, created_by, tell
from tests.workflows.stocking import uploaded

EXAMPLES = Path(__file__).parents[2] / "examples/documents"
BOATS = {"text": "The harbour counted 77 boats in May. Nine of them were red.", "name": "Boats"}
TOPIC = "How many boats are there? For the harbour master."


async def asked(house: Installation, payload: dict[str, Any]) -> tuple[JobId, Any]:
    """Submit a report whose outline is to be approved; return it with what is shown."""
    job_id = await house.submit("generate_report", payload)
    found = await eventually(lambda: approvals.open_below(house.db, TENANT, job_id))
    return job_id, found[0]


async def keys_of(house: Installation, job_id: JobId) -> list[str]:
    return sorted(each.step_key for each in await house.submits(job_id))


async def test_a_report_is_written_from_a_text_and_a_document(house: Installation):
    name = "supplier-contract-lumenvale.md"
    document_id = await uploaded(house, name, (EXAMPLES / name).read_text("utf-8"))
    sources = [BOATS, {"document_id": str(document_id)}]
    row = await carried(house, "generate_report", {"topic": TOPIC, "sources": sources})

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    report = await house.result(row.id)
    assert [each["id"] for each in report["sources"]] == ["S1", "S2"]
    assert report["sources"][1]["document_id"] == str(document_id)
    assert len(report["sections"]) == 3
    assert {"S1", "S2"} == {cited for each in report["sections"] for cited in each["sources"]}
    assert report["markdown"].startswith(f"# {report['title']}\n\n{report['summary']}\n\n## ")
    assert report["markdown"].endswith(f"## Sources\n\n- [S1] Boats\n- [S2] {name}\n")
    assert "77 boats" in report["markdown"]
    assert (report["approved_by"], report["outline_was_edited"]) == (None, False)
    keys = await keys_of(house, row.id)
    assert keys == [
        "1",
        "2",
        "pieces~2.0/1",
        "pieces~2.1/1",
        *(f"sections~3.{n}/1" for n in range(3)),
    ]


async def test_an_approver_edits_the_outline_and_the_report_follows(house: Installation):
    payload = {"topic": TOPIC, "sources": [BOATS], "sections": 2, "approve_outline": {}}
    job_id, approval = await asked(house, payload)
    assert len(approval.shown["outline"]["sections"]) == 2
    assert approval.shown["facts"] == [
        "1. The harbour counted 77 boats in May. [S1]",
        "2. Nine of them were red. [S1]",
    ]
    before = len(await created_by(house, job_id))
    edits = {
        "title": "Boats",
        "sections": [{"heading": "Red boats only", "purpose": "The red ones.", "facts": [2]}],
    }
    answer = {"digest": approval.digest, "edits": edits, "comment": "Be brief.", "decided_by": "A"}
    await tell(house, job_id, "approve", answer)

    row = await agreed(house, job_id)
    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    report = await house.result(job_id)
    assert [each["heading"] for each in report["sections"]] == ["Red boats only"]
    assert "77" not in report["sections"][0]["text"]
    assert (report["approved_by"], report["outline_was_edited"]) == ("A", True)
    assert len(await created_by(house, job_id)) == before + 2


async def test_a_rejected_outline_fails_the_job_before_anything_is_written(house: Installation):
    payload = {"topic": TOPIC, "sources": [BOATS], "approve_outline": {}}
    job_id, approval = await asked(house, payload)
    await tell(house, job_id, "reject", {"digest": approval.digest, "comment": "Off the point."})

    row = await agreed(house, job_id)
    assert row.failure is not None
    assert (row.failure.code, row.failure.message) == ("approval_rejected", "Off the point.")
    assert await keys_of(house, job_id) == ["1", "pieces~2.0/1"]


async def test_an_outline_that_nobody_looks_at_is_approved_when_that_was_asked_for(
    house: Installation,
):
    wanted = {"timeout_seconds": 1, "on_timeout": "approve"}
    payload = {"topic": TOPIC, "sources": [BOATS], "approve_outline": wanted}
    row = await carried(house, "generate_report", payload)

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    assert (await house.result(row.id))["approved_by"] is None


async def test_recent_documents_become_sources_and_none_of_them_fails_the_job(house: Installation):
    recent: dict[str, Any] = {"newer_than_hours": 24}
    row = await carried(house, "generate_report", {"topic": TOPIC, "sources": [recent]})
    assert row.failure is not None
    assert row.failure.code == "no_sources"

    again = {"document_id": str(await uploaded(house, "boats.txt", BOATS["text"]))}
    row = await carried(house, "generate_report", {"topic": TOPIC, "sources": [recent, again]})
    assert row.status is JobStatus.SUCCEEDED
    assert [each["name"] for each in (await house.result(row.id))["sources"]] == ["boats.txt"]


async def test_sources_that_say_nothing_about_the_topic_fail_the_job(house: Installation):
    silent = {"contains": "<source-", "script": {"output_text": json.dumps({"facts": []})}}
    await house.emulator.post("/script", json={"rules": [silent]})
    row = await carried(house, "generate_report", {"topic": TOPIC, "sources": [BOATS]})

    assert row.failure is not None
    assert row.failure.code == "no_sources"


async def test_a_document_that_cannot_be_read_fails_the_job_or_is_listed_as_such(
    house: Installation,
):
    empty = {"document_id": str(await uploaded(house, "empty.txt", ""))}
    payload = {"topic": TOPIC, "sources": [BOATS, empty]}
    row = await carried(house, "generate_report", payload)
    assert row.failure is not None
    assert row.failure.code == "document_empty"

    row = await carried(house, "generate_report", {**payload, "unreadable": "skip"})
    assert row.status is JobStatus.SUCCEEDED
    report = await house.result(row.id)
    assert report["sources"][1]["error_code"] == "document_empty"
    assert "could not be read: document_empty" in report["markdown"]
