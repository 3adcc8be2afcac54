"""Claims about documents and the text found in them."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import DocumentNotFound
from jobs.requests import ExtractedDocument, StoredText
from jobs.values import DocumentId, Tenant
from storage import documents, erasures
from tests.storage.rows import FEW, job_id, new_tenant


def document_id():
    return DocumentId(job_id())


async def uploaded(db, tenant, sha256="ab"):
    return await documents.insert(
        db,
        tenant,
        document_id=document_id(),
        name="Übersicht.pdf",
        media_type="application/pdf",
        size_bytes=2**40,
        sha256=sha256,
        object_key=f"{tenant}/documents/{sha256}",
    )


def text_of(document):
    chunks = (StoredText(key="k1", characters=3), StoredText(key="k2", characters=1))
    return ExtractedDocument(
        document_id=document.id, name=document.name, chunks=chunks, characters=4, pages=None
    )


async def test_a_document_comes_back_as_it_went(db, tenant):
    document = await uploaded(db, tenant)
    assert await documents.get(db, tenant, document.id) == document
    assert (document.name, document.size_bytes) == ("Übersicht.pdf", 2**40)


@pytest.mark.parametrize("deed", [documents.get, documents.delete])
async def test_an_unknown_or_foreign_document_is_not_found(db, tenant, deed):
    document = await uploaded(db, tenant)
    for owner, name in ((tenant, document_id()), (Tenant("stranger"), document.id)):
        with pytest.raises(DocumentNotFound):
            await deed(db, owner, name)
    assert await documents.get(db, tenant, document.id) == document


async def test_missing_documents_are_named_in_the_order_given(db, tenant):
    mine, foreign = await uploaded(db, tenant), await uploaded(db, new_tenant())
    unknown = document_id()
    asked = [unknown, mine.id, foreign.id]
    assert await documents.missing(db, tenant, asked) == [unknown, foreign.id]
    assert await documents.missing(db, tenant, []) == []


@FEW
@given(ages=st.lists(st.integers(1, 3), max_size=7), size=st.integers(1, 3))
async def test_paging_yields_every_document_once_newest_first(db, ages, size):
    tenant, mine = new_tenant(), []
    for age in ages:
        document = await uploaded(db, tenant)
        await db.execute(
            "UPDATE documents SET created_at = now() - $2::interval WHERE id = $1",
            document.id,
            timedelta(hours=age),
        )
        mine.append(document.id)
    seen, after = [], None
    while page := await documents.page(db, tenant, after=after, limit=size):
        seen += [(each.created_at, each.id) for each in page]
        after = seen[-1]
        await uploaded(db, tenant)
    assert seen == sorted(seen, reverse=True)
    assert sorted(each for _, each in seen) == sorted(mine)


async def due_ids(db):
    return [each.document_id for each in await erasures.due(db, limit=100)]


async def later(db, *document_ids):
    """Let the time of erasures come."""
    await db.execute("UPDATE erasures SET due_at = now() WHERE document_id = ANY($1)", document_ids)


async def test_what_is_left_of_a_deleted_document_is_erased_once_nobody_writes_any_more(db, tenant):
    document, kept = await uploaded(db, tenant), await uploaded(db, tenant)
    await documents.delete(db, tenant, document.id)
    assert document.id not in await due_ids(db)
    await later(db, document.id, kept.id)
    assert document.id in await due_ids(db)
    await erasures.done(db, document.id)
    assert not {document.id, kept.id} & set(await due_ids(db))


async def test_an_upload_is_erased_unless_it_becomes_documents(db, tenant):
    lost, stored = document_id(), document_id()
    await erasures.foresee(db, tenant, [lost, stored])
    new = documents.NewDocument(stored, "a.txt", "text/plain", 1, "ab", "key")
    await documents.insert_all(db, tenant, [new])
    await later(db, lost, stored)
    assert set(await due_ids(db)) & {lost, stored} == {lost}
    await documents.delete(db, tenant, stored)
    await later(db, stored)
    assert stored in await due_ids(db)


async def test_text_is_found_again_by_the_size_of_its_chunks(db, tenant):
    document = await uploaded(db, tenant)
    assert await documents.get_text(db, tenant, document.id, 100) is None
    await documents.put_text(db, tenant, text_of(document), 100)
    assert await documents.get_text(db, tenant, document.id, 100) == text_of(document)
    assert await documents.get_text(db, tenant, document.id, 200) is None


async def test_the_first_text_stays(db, tenant):
    document = await uploaded(db, tenant)
    other = text_of(document).model_copy(update={"characters": 9})
    await documents.put_text(db, tenant, text_of(document), 100)
    await asyncio.gather(*(documents.put_text(db, tenant, other, 100) for _ in range(4)))
    assert await documents.get_text(db, tenant, document.id, 100) == text_of(document)


async def test_text_of_a_foreign_document_is_neither_kept_nor_told(db, tenant):
    document, stranger = await uploaded(db, tenant), Tenant("stranger")
    await documents.put_text(db, stranger, text_of(document), 100)
    assert await documents.get_text(db, tenant, document.id, 100) is None
    await documents.put_text(db, tenant, text_of(document), 100)
    assert await documents.get_text(db, stranger, document.id, 100) is None


async def test_text_of_a_deleted_document_is_gone_and_late_text_is_dropped(db, tenant):
    document = await uploaded(db, tenant)
    await documents.put_text(db, tenant, text_of(document), 100)
    await documents.delete(db, tenant, document.id)
    await documents.put_text(db, tenant, text_of(document), 200)
    left = "SELECT count(*) FROM document_texts WHERE document_id = $1"
    assert await db.fetchval(left, document.id) == 0
