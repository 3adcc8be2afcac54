"""A document is processed by one job at a time, and its state follows the end of that job."""

import asyncio
from datetime import timedelta

import pytest

from jobs.children import ChildOpening, ChildRequest
from jobs.library import ClaimRequest, DocumentOfJob, DocumentState
from jobs.model import Failure
from jobs.values import DocumentId
from storage import children, document_states, documents, job_moves
from storage.document_states import begin, claim, let_go_of_the_dead
from tests.storage.rows import (
    CANCELED,
    FAILED,
    SUCCEEDED,
    ending,
    holding,
    inserted,
    job_id,
    ref,
    until_waiting,
)
from tests.storage.test_storage_documents import uploaded

PENDING, PROCESSING = DocumentState.PENDING, DocumentState.PROCESSING


def wish(row, limit=10, **more):
    return ClaimRequest(job=ref(row), limit=limit, **more)


def reading(row, document):
    return DocumentOfJob(job=ref(row), document_id=document.id)


async def seen(db, document):
    return await documents.get(db, document.tenant, document.id)


async def state(db, document):
    return (await seen(db, document)).state


async def taken(db, row, limit=10, **more):
    claimed = await claim(db, wish(row, limit, **more))
    return [each.document_id for each in claimed.documents]


async def child_of(db, row, key="documents/1"):
    request = ChildRequest(key=key, type="process_document", payload={})
    opened = await children.open_child(db, ChildOpening(parent=ref(row), child=request))
    assert opened is not None
    return opened


async def finished(db, row, status, **more):
    await job_moves.finish(db, ending(row, status, **more))


@pytest.mark.parametrize(
    ("status", "expected"),
    [(SUCCEEDED, "processed"), (FAILED, "failed"), (CANCELED, "pending")],
    ids=str,
)
async def test_a_document_ends_as_the_job_that_reads_it(db, tenant, status, expected):
    document, job = await uploaded(db, tenant), await inserted(db, tenant)
    assert (document.state, document.job_id, document.failure) == (PENDING, None, None)
    assert await begin(db, reading(job, document))
    assert await begin(db, reading(job, document))
    now = await seen(db, document)
    assert (now.state, now.job_id) == (PROCESSING, job.id)

    failure = Failure(code="document_encrypted", message="locked") if status is FAILED else None
    await finished(db, job, status, failure=failure)
    after = await seen(db, document)
    assert after.state == expected
    assert after.job_id == (None if status is CANCELED else job.id)
    assert (after.processed_at is None) == (status is CANCELED)
    assert after.failure == failure


async def test_a_canceled_second_reading_leaves_the_first_ones_findings(db, tenant):
    document, first, second = (
        await uploaded(db, tenant),
        await inserted(db, tenant),
        await inserted(db, tenant),
    )
    await begin(db, reading(first, document))
    await finished(db, first, SUCCEEDED, failure=None)
    processed = await seen(db, document)
    assert await begin(db, reading(second, document))
    await finished(db, second, CANCELED)
    assert await seen(db, document) == processed


async def test_a_job_does_not_take_a_document_out_of_anothers_hands(db, tenant):
    document, first, second = (
        await uploaded(db, tenant),
        await inserted(db, tenant),
        await inserted(db, tenant),
    )
    assert await begin(db, reading(first, document))
    assert not await begin(db, reading(second, document))
    await finished(db, second, FAILED)
    assert (await seen(db, document)).job_id == first.id


async def test_a_job_that_has_ended_begins_nothing(db, tenant):
    document, job = await uploaded(db, tenant), await inserted(db, tenant)
    await finished(db, job, FAILED)
    assert not await begin(db, reading(job, document))
    assert await state(db, document) == PENDING


async def test_a_beginning_that_meets_the_jobs_end_is_undone_in_the_end(db, tenant, shared_url):
    document, job = await uploaded(db, tenant), await inserted(db, tenant)
    async with holding(shared_url, job):
        both = [
            asyncio.create_task(finished(db, job, FAILED)),
            asyncio.create_task(begin(db, reading(job, document))),
        ]
        await until_waiting(db, 2)
    await asyncio.gather(*both)
    await let_go_of_the_dead(db)
    assert await state(db, document) in (PENDING, DocumentState.FAILED)


async def test_a_claim_takes_the_oldest_and_returns_the_same_when_asked_again(db, tenant):
    papers = [await uploaded(db, tenant, f"{n}") for n in range(4)]
    job = await inserted(db, tenant)
    first = await claim(db, wish(job, 3))
    assert [each.document_id for each in first.documents] == [each.id for each in papers[:3]]
    assert first.left == 1
    again = await claim(db, wish(job, 3))
    assert [d.document_id for d in again.documents] == [d.document_id for d in first.documents]


async def test_claims_at_once_share_the_documents_and_never_the_same_one(db, tenant):
    papers = {(await uploaded(db, tenant, f"{n}")).id for n in range(12)}
    jobs = [await inserted(db, tenant) for _ in range(4)]
    shares = await asyncio.gather(*(taken(db, each, 5) for each in jobs))
    found = [document for share in shares for document in share]
    assert len(found) == len(set(found))
    rest = await taken(db, await inserted(db, tenant), 12)
    assert set(found) | set(rest) == papers
    assert len(found) + len(rest) == 12


async def test_a_claim_of_named_documents_says_how_the_others_stand(db, tenant):
    done, bad, held, fresh = [await uploaded(db, tenant, f"{n}") for n in range(4)]
    for document, status in ((done, SUCCEEDED), (bad, FAILED), (held, None)):
        row = await inserted(db, tenant)
        await begin(db, reading(row, document))
        if status:
            await finished(db, row, status, failure=None)
    named = tuple(each.id for each in (done, bad, held, fresh))
    unknown = DocumentId(job_id())
    job = await inserted(db, tenant)
    claimed = await claim(db, wish(job, document_ids=(*named, unknown)))
    assert [each.document_id for each in claimed.documents] == [fresh.id]
    stands = {each.document_id: each.state for each in claimed.others}
    assert stands == {done.id: "processed", bad.id: "failed", held.id: "processing"}
    assert await taken(db, job, document_ids=named, failed_too=True) == [bad.id, fresh.id]


async def test_what_a_claim_keeps_goes_to_its_own_children_and_is_let_go_with_its_job(db, tenant):
    read, unread = [await uploaded(db, tenant, f"{n}") for n in range(2)]
    parent, stranger = await inserted(db, tenant), await inserted(db, tenant)
    await taken(db, parent)
    assert not await begin(db, reading(stranger, read))
    child = await child_of(db, parent)
    assert await begin(db, reading(child, read))
    await finished(db, parent, SUCCEEDED)
    assert (await state(db, unread), await state(db, read)) == (PENDING, PROCESSING)
    await finished(db, child, SUCCEEDED, failure=None)
    assert (await seen(db, read)).job_id == child.id


async def test_a_canceled_retry_of_a_failed_document_stays_failed(db, tenant):
    document, first = await uploaded(db, tenant), await inserted(db, tenant)
    await begin(db, reading(first, document))
    await finished(db, first, FAILED)
    failed = await seen(db, document)
    second = await inserted(db, tenant)
    assert await taken(db, second, failed_too=True) == [document.id]
    await finished(db, second, CANCELED)
    assert await seen(db, document) == failed


async def test_a_stale_processing_is_taken_back_and_ends_as_its_job_did(db, tenant):
    gone, lost = [await uploaded(db, tenant, f"{n}") for n in range(2)]
    dead = await inserted(db, tenant)
    await begin(db, reading(dead, lost))
    # As a worker of before this table had states would have ended the job.
    await db.execute("UPDATE documents SET holder_id = $2 WHERE id = $1", lost.id, job_id())
    await finished(db, dead, SUCCEEDED, failure=None)
    await db.execute("UPDATE documents SET holder_id = $2 WHERE id = $1", lost.id, dead.id)
    await db.execute(
        "UPDATE documents SET state = 'processing', holder_id = $2 WHERE id = $1", gone.id, job_id()
    )
    assert await taken(db, await inserted(db, tenant)) == [gone.id]
    assert (await state(db, lost), (await seen(db, lost)).job_id) == ("processed", dead.id)


async def test_a_claim_of_a_job_that_has_ended_or_of_another_tenant_gets_nothing(db, tenant):
    document, job = await uploaded(db, tenant), await inserted(db, tenant)
    foreign = await inserted(db, type(tenant)("stranger"))
    assert document.id not in await taken(db, foreign, 500)
    await finished(db, job, CANCELED)
    assert await taken(db, job) == []


async def test_recent_documents_are_the_newest_ones_in_the_order_of_their_upload(db, tenant):
    papers = [await uploaded(db, tenant, f"{n}") for n in range(3)]
    await db.execute(
        "UPDATE documents SET created_at = now() - interval '3 hours' WHERE id = $1", papers[0].id
    )
    hour, day = timedelta(hours=1), timedelta(days=1)
    recent = document_states.recent
    assert await recent(db, tenant, hour, 9) == [each.id for each in papers[1:]]
    assert await recent(db, tenant, day, 9) == [each.id for each in papers]
    assert await recent(db, tenant, day, 1) == [papers[2].id]


async def test_a_page_shows_documents_of_the_states_asked_for(db, tenant):
    fresh, done = [await uploaded(db, tenant, f"{n}") for n in range(2)]
    job = await inserted(db, tenant)
    await begin(db, reading(job, done))
    await finished(db, job, SUCCEEDED, failure=None)

    async def shown(*states):
        found = await documents.page(db, tenant, after=None, limit=9, states=states)
        return [each.id for each in found]

    assert await shown(PENDING) == [fresh.id]
    assert await shown(DocumentState.PROCESSED) == [done.id]
    assert await shown(PENDING, DocumentState.PROCESSED) == await shown() == [done.id, fresh.id]
