"""Documents given to the model as original files: uploaded once, renewed, deleted."""

import asyncio
import dataclasses
from datetime import timedelta
from typing import IO, Any
from uuid import uuid4

import pytest

from activities.attaching import Attacher
from activities.provider_files import ProviderFiles, Uploaded
from jobs.errors import (
    AttachmentTooLarge,
    DocumentNotFound,
    ProviderBadRequest,
    ProviderUnreachable,
)
from jobs.requests import AttachRequest, DocumentPart, ResponseRequest, StepRequest, TextPart
from jobs.status import JobStatus
from local.ports import free_port
from storage import documents, provider_files
from storage.documents import Document
from storage.provider_files import Place
from storage.responses import State
from tests.activities.bench import Bench, benched, scripted
from tests.activities.papers import stored_document
from tests.extraction.documents import written_pdf
from tests.installation import TENANT, Installation

MINUTES = b"# Minutes\n\nThe board met on 3 May and approved a budget of 4.2 million.\n"
KEY = {"Authorization": "Bearer emulated"}


async def at_provider(house: Installation) -> list[dict[str, Any]]:
    """Return the files that the emulator has, newest first."""
    reply = await house.emulator.get(f"{house.environment['OPENAI_BASE_URL']}/files", headers=KEY)
    found: list[dict[str, Any]] = reply.json()["data"]
    return found


async def lost_at_provider(house: Installation, file_id: str) -> None:
    url = f"{house.environment['OPENAI_BASE_URL']}/files/{file_id}"
    assert (await house.emulator.delete(url, headers=KEY)).is_success


async def uploads(house: Installation) -> int:
    calls = (await house.emulator.get("/calls")).json()
    return int(calls.get("POST /v1/files", 0))


async def attached(bench: Bench, paper: Document) -> DocumentPart:
    request = AttachRequest(job=await bench.job(), document_id=paper.id)
    return await bench.run(bench.deeds.documents.attach_document, request)


async def step_with(bench: Bench, *papers: Document, **more: Any) -> StepRequest:
    parts = [await attached(bench, each) for each in papers]
    request = ResponseRequest(input=(TextPart(text="Summarise it."), *parts))
    return await bench.step(request=request, **more)


def attacher(bench: Bench) -> Attacher:
    return bench.deeds.documents.attacher


def place(bench: Bench, paper: Document) -> Place:
    return Place(TENANT, paper.id, attacher(bench).files.account)


async def expiring(bench: Bench, paper: Document, left: timedelta) -> None:
    """Let the file of a document have this long to live."""
    await bench.house.db.execute(
        "UPDATE provider_files SET expires_at = now() + $2::interval WHERE document_id = $1",
        paper.id,
        left,
    )


class SlowFiles(ProviderFiles):
    """Uploads when it may."""

    def __init__(self, quick: ProviderFiles) -> None:
        self._quick, self.account = quick, quick.account
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def upload(self, file: IO[bytes], *, name: str, media_type: str) -> Uploaded:
        self.begun.set()
        await self.go_on.wait()
        return await self._quick.upload(file, name=name, media_type=media_type)


async def test_a_document_is_read_as_the_original_file_with_its_name(bench: Bench):
    paper = await stored_document(bench.house, "board minutes €.md", MINUTES)
    outcome = await bench.respond(await step_with(bench, paper))
    assert "4.2 million" in outcome.text
    [file] = await at_provider(bench.house)
    assert (file["filename"], file["bytes"]) == ("board minutes €.md", len(MINUTES))
    assert file["purpose"] == "user_data"
    assert file["expires_at"] - file["created_at"] == timedelta(days=7).total_seconds()


async def test_a_document_is_uploaded_once_however_many_steps_want_it_at_once(
    bench: Bench, own: Installation
):
    paper = await stored_document(bench.house, "minutes.md", MINUTES)
    async with benched(own, own.environment["OPENAI_BASE_URL"]) as another_worker:
        steps = [(each, await step_with(each, paper)) for each in (bench, another_worker) * 4]
        await asyncio.gather(*(each.respond(step) for each, step in steps))
    assert await uploads(own) == 1
    await bench.respond(await step_with(bench, paper))
    assert await uploads(own) == 1


async def test_a_file_that_will_not_last_is_uploaded_anew(bench: Bench):
    paper = await stored_document(bench.house, "minutes.md", MINUTES)
    await bench.respond(await step_with(bench, paper))
    await expiring(bench, paper, timedelta(hours=23))
    await bench.respond(await step_with(bench, paper))
    assert await uploads(bench.house) == 2


async def test_a_file_the_provider_has_lost_is_uploaded_anew_within_the_same_submit(bench: Bench):
    papers = [await stored_document(bench.house, f"{n}.md", MINUTES) for n in range(2)]
    await bench.respond(await step_with(bench, *papers))
    [newest, _] = await at_provider(bench.house)
    await lost_at_provider(bench.house, newest["id"])
    step = await step_with(bench, *papers, max_tries=1)
    assert "4.2 million" in (await bench.respond(step)).text
    assert [each.state for each in await bench.submits(step)] == [State.EFFECTIVE]
    assert await uploads(bench.house) == 3


async def test_a_refusal_for_another_reason_stands_and_the_file_is_kept(bench: Bench):
    paper = await stored_document(bench.house, "minutes.md", MINUTES)
    request = ResponseRequest(
        input=(TextPart(text=scripted(fault="bad_request")), await attached(bench, paper))
    )
    step = await bench.step(request=request)
    with pytest.raises(ProviderBadRequest):
        await bench.respond(step)
    assert [each.state for each in await bench.submits(step)] == [State.REJECTED]
    await bench.respond(await step_with(bench, paper))
    assert await uploads(bench.house) == 1


async def test_a_worker_that_died_while_uploading_holds_nobody_up_for_long(bench: Bench):
    paper = await stored_document(bench.house, "minutes.md", MINUTES)
    step = await step_with(bench, paper)
    claim = await provider_files.claim(bench.house.db, place(bench, paper))
    assert claim is not None
    waiting = asyncio.create_task(bench.respond(step))
    # Nobody renews it any more: its time comes.
    await bench.house.db.execute(
        "UPDATE provider_files SET claimed_until = now() + interval '0.3 s' WHERE claim = $1", claim
    )
    await waiting
    assert await uploads(bench.house) == 1
    # It had not died after all: what it uploaded is not taken for the document any more.
    in_a_week = (await bench.house.db.fetchval("SELECT now()")) + timedelta(days=7)
    assert not await provider_files.store(bench.house.db, claim, "file-late", in_a_week)


async def test_an_upload_may_take_longer_than_a_claim_holds(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("storage.provider_files.LEASE", timedelta(seconds=0.5))
    monkeypatch.setattr("activities.attaching.RENEWAL_SECONDS", 0.05)
    paper = await stored_document(bench.house, "minutes.md", MINUTES)
    part = await attached(bench, paper)
    slow = dataclasses.replace(attacher(bench), files=SlowFiles(attacher(bench).files))
    assert isinstance(slow.files, SlowFiles)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(slow.content(TENANT, part))
        await slow.files.begun.wait()
        second = group.create_task(attacher(bench).content(TENANT, part))
        await asyncio.sleep(1)  # twice as long as the claim held at first
        slow.files.go_on.set()
    assert first.result() == second.result()
    assert await uploads(bench.house) == 1


async def test_a_step_that_is_cut_off_lets_others_upload(bench: Bench):
    paper = await stored_document(bench.house, "minutes.md", MINUTES)
    part = await attached(bench, paper)
    slow = dataclasses.replace(attacher(bench), files=SlowFiles(attacher(bench).files))
    assert isinstance(slow.files, SlowFiles)
    cut_off = asyncio.create_task(slow.content(TENANT, part))
    await slow.files.begun.wait()
    cut_off.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut_off
    await asyncio.wait_for(attacher(bench).content(TENANT, part), 5)
    assert await uploads(bench.house) == 1


async def test_pictures_go_in_as_pictures(bench: Bench):
    part = await attached(bench, await stored_document(bench.house, "a.png", MINUTES))
    picture = part.model_copy(update={"media_type": "image/png"})
    sent = await attacher(bench).content(TENANT, picture)
    assert sent["type"] == "input_image"


async def test_a_claim_is_given_back_when_the_upload_fails(own: Installation):
    paper = await stored_document(own, "minutes.md", MINUTES)
    async with benched(own, f"http://127.0.0.1:{free_port()}/v1") as bench:
        step = await step_with(bench, paper)
        for _ in range(2):
            with pytest.raises(ProviderUnreachable):
                await bench.respond(step)
        assert await bench.submits(step) == []


async def test_documents_too_large_for_the_provider_are_refused_before_anything_is_sent(
    own: Installation,
):
    papers = [await stored_document(own, f"{n}.md", MINUTES) for n in range(2)]
    large = await stored_document(own, "large.md", MINUTES * 2)
    async with benched(own, own.environment["OPENAI_BASE_URL"], max_file_bytes=100) as bench:
        with pytest.raises(AttachmentTooLarge, match=r"'large.md' has \d+ bytes, over 100"):
            await attached(bench, large)
        step = await step_with(bench, *papers)
        with pytest.raises(AttachmentTooLarge, match="2 documents of this step"):
            await bench.respond(step)
    assert await uploads(own) == 0


async def test_a_document_that_is_not_there_cannot_be_attached(bench: Bench):
    paper = await stored_document(bench.house, "minutes.md", MINUTES)
    step = await step_with(bench, paper)
    await documents.delete(bench.house.db, TENANT, paper.id)
    with pytest.raises(DocumentNotFound):
        await bench.respond(step)
    with pytest.raises(DocumentNotFound):
        await attached(bench, paper)
    assert await uploads(bench.house) == 0


async def test_the_file_of_a_deleted_document_is_deleted_at_the_provider(bench: Bench):
    paper, kept = [await stored_document(bench.house, f"{n}.md", MINUTES) for n in range(2)]
    await bench.respond(await step_with(bench, paper, kept))
    [of_kept, _] = await at_provider(bench.house)
    await documents.delete(bench.house.db, TENANT, paper.id)
    for _ in range(2):
        await bench.deeds.maintenance.one_pass()
    assert await at_provider(bench.house) == [of_kept]
    left = await bench.house.db.fetch("SELECT document_id FROM provider_files")
    assert kept.id in [row["document_id"] for row in left]
    assert paper.id not in [row["document_id"] for row in left]


async def test_a_file_that_should_have_expired_is_deleted(bench: Bench):
    paper = await stored_document(bench.house, "minutes.md", MINUTES)
    await bench.respond(await step_with(bench, paper))
    await expiring(bench, paper, timedelta(0))
    await bench.deeds.maintenance.one_pass()
    assert await at_provider(bench.house) == []


async def test_a_deleted_document_is_kept_in_mind_until_the_provider_hears_of_it(
    own: Installation,
):
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    paper = await stored_document(own, "minutes.md", MINUTES)
    async with benched(own, nowhere) as bench:
        where = place(bench, paper)
        claim = await provider_files.claim(own.db, where)
        assert claim is not None
        in_a_week = (await own.db.fetchval("SELECT now()")) + timedelta(days=7)
        await provider_files.store(own.db, claim, "file-1", in_a_week)
        await documents.delete(own.db, TENANT, paper.id)
        await own.db.execute("UPDATE erasures SET due_at = now()")
        await bench.deeds.maintenance.one_pass()
        assert await own.db.fetchval(
            "SELECT claimed_until > now() FROM provider_files WHERE document_id = $1", paper.id
        )
        assert await own.db.fetchval("SELECT TRUE FROM erasures WHERE document_id = $1", paper.id)


async def test_a_job_reads_originals_and_finds_what_a_text_would_say(house: Installation):
    pdf = await stored_document(house, "minutes", written_pdf("Revenue rose to 4.2 million."))
    await house.db.execute("UPDATE documents SET media_type = 'application/pdf'")
    payload = {"document_ids": [str(pdf.id)], "documents": "original"}
    job_id = await house.submit("summarize_documents", payload)
    row = await house.ended(job_id)
    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    [note] = (await house.result(job_id))["documents"]
    assert "4.2 million" in note["summary"]
    [file] = await at_provider(house)
    # By the ending the provider tells what it is.
    assert (note["name"], file["filename"]) == ("minutes", "minutes.pdf")
    assert await house.db.fetchval("SELECT count(*) FROM document_texts") == 0


async def test_a_missing_original_is_skipped_when_asked(house: Installation):
    paper = await stored_document(house, "minutes.md", MINUTES)
    ids = [str(uuid4()), str(paper.id)]
    payload = {"document_ids": ids, "documents": "original", "unreadable": "skip"}
    job_id = await house.submit("summarize_documents", payload)
    row = await house.ended(job_id)
    assert row.failure is None
    notes = (await house.result(job_id))["documents"]
    assert [each["error_code"] for each in notes] == ["document_not_found", None]
