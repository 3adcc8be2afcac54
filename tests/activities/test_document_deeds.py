"""Documents that can be read and those that cannot, end to end."""

from pathlib import Path
from uuid import uuid4

import pytest

from jobs.errors import DocumentNotFound
from jobs.requests import (
    ExtractedDocument,
    ExtractRequest,
    ResponseRequest,
    StoredText,
    TextPart,
)
from jobs.status import JobStatus
from jobs.values import DocumentId
from storage import documents
from storage.documents import Document
from tests.activities.bench import TEXT, Bench
from tests.activities.papers import stored_document
from tests.extraction.documents import encrypted_pdf, scanned_pdf, written_pdf
from tests.installation import TENANT, Installation

GOOD = b"# Minutes\n\nThe board met on 3 May and approved a budget of 4.2 million.\n"
UNREADABLE = {
    "document_encrypted": encrypted_pdf("secret"),
    "document_has_no_text": scanned_pdf(2),
    "document_broken": b"%PDF-1.7\nthis is not how a PDF goes on",
    "document_unsupported": b"PK\x03\x04" + bytes(60),
    "document_empty": b" \n",
}
NAMES = {"document_unsupported": "table.zip", "document_empty": "empty.txt"}


async def unreadable(house: Installation, code: str) -> Document:
    return await stored_document(house, NAMES.get(code, "paper.pdf"), UNREADABLE[code])


async def test_a_document_that_cannot_be_read_fails_the_job_with_its_code(house: Installation):
    paper = await unreadable(house, "document_encrypted")
    job_id = await house.submit("summarize_documents", {"document_ids": [str(paper.id)]})
    row = await house.ended(job_id)
    assert row.failure
    assert (row.status, row.failure.code) == (JobStatus.FAILED, "document_encrypted")
    assert await house.created() == []


async def test_a_document_that_is_missing_fails_the_job_and_the_worker_lives_on(
    house: Installation,
):
    job_id = await house.submit("summarize_documents", {"document_ids": [str(uuid4())]})
    row = await house.ended(job_id)
    assert row.failure
    assert row.failure.code == "document_not_found"
    after = await house.submit("summarize_text", {"text": TEXT})
    assert (await house.ended(after)).status is JobStatus.SUCCEEDED


async def test_unreadable_documents_are_skipped_when_asked_and_noted_with_their_code(
    house: Installation,
):
    codes = list(UNREADABLE)
    papers = [await unreadable(house, code) for code in codes]
    good = await stored_document(house, "minutes.md", GOOD)
    ids = [str(each.id) for each in papers] + [str(uuid4()), str(good.id)]
    job_id = await house.submit("summarize_documents", {"document_ids": ids, "unreadable": "skip"})
    row = await house.ended(job_id)
    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    notes = (await house.result(job_id))["documents"]
    assert [each["document_id"] for each in notes] == ids
    assert [each["error_code"] for each in notes] == [*codes, "document_not_found", None]
    assert "4.2 million" in notes[-1]["summary"]


async def test_a_job_without_one_readable_document_fails(house: Installation):
    payload = {"document_ids": [str(uuid4())], "unreadable": "skip"}
    row = await house.ended(await house.submit("summarize_documents", payload))
    assert row.failure
    assert row.failure.code == "document_failure"


async def extracted(bench: Bench, document_id: DocumentId) -> ExtractedDocument:
    request = ExtractRequest(job=await bench.job(), document_id=document_id)
    return await bench.run(bench.deeds.documents.extract_document, request)


async def test_a_text_found_once_is_not_looked_for_again(bench: Bench):
    paper = await stored_document(bench.house, "paper.pdf", written_pdf("Revenue rose."))
    first = await extracted(bench, paper.id)
    assert "Revenue" in (await bench.house.objects.get(TENANT, first.chunks[0].key)).decode()
    await bench.house.objects.delete(TENANT, paper.object_key)
    assert await extracted(bench, paper.id) == first


async def test_a_document_whose_file_is_gone_is_not_found(house: Installation):
    paper = await stored_document(house, "gone.md", GOOD)
    await house.objects.delete(TENANT, paper.object_key)
    job_id = await house.submit("summarize_documents", {"document_ids": [str(paper.id)]})
    row = await house.ended(job_id)
    assert row.failure
    assert row.failure.code == "document_not_found"


async def test_the_document_of_another_tenant_is_not_found(house: Installation):
    paper = await stored_document(house, "theirs.md", GOOD)
    await house.db.execute("UPDATE documents SET tenant = 'somebody else'")
    job_id = await house.submit("summarize_documents", {"document_ids": [str(paper.id)]})
    row = await house.ended(job_id)
    assert row.failure
    assert row.failure.code == "document_not_found"


async def test_nothing_of_a_document_is_left_in_the_temporary_folder(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    paper = await stored_document(bench.house, "minutes.md", GOOD)
    await extracted(bench, paper.id)
    assert list(folder.iterdir()) == []


async def test_text_found_while_its_document_is_deleted_is_erased_by_maintenance(bench: Bench):
    paper = await stored_document(bench.house, "minutes.md", GOOD)
    found = await extracted(bench, paper.id)
    await documents.delete(bench.house.db, TENANT, paper.id)
    await bench.house.db.execute("UPDATE erasures SET due_at = now()")
    await bench.deeds.maintenance.one_pass()
    for key in (found.chunks[0].key, paper.object_key):
        with pytest.raises(FileNotFoundError):
            await bench.house.objects.get(TENANT, key)
    assert await bench.house.db.fetchval("SELECT count(*) FROM erasures") == 0


async def test_a_step_whose_text_is_gone_says_that_the_document_is(bench: Bench):
    gone = StoredText(key=f"tenants/{TENANT}/documents/1/texts/ab/ab", characters=1)
    step = await bench.step(request=ResponseRequest(input=(gone,)))
    with pytest.raises(DocumentNotFound):
        await bench.respond(step)
    assert await bench.submits(step) == []


def test_a_question_about_the_same_content_has_the_same_fingerprint():
    def asked(key: str) -> str:
        stored = StoredText(key=f"tenants/t/documents/{key}", characters=1)
        return ResponseRequest(input=(TextPart(text="Read"), stored)).fingerprint()

    assert asked("1/texts/ab/abc") == asked("2/texts/ab/abc") != asked("1/texts/ab/abd")
