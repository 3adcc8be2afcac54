"""The job types that summarise, end to end against the real servers."""

import pytest

from activities.prices import window_tokens
from jobs.chunking import chunk_characters
from jobs.status import JobStatus
from settings import OpenAISettings
from tests.installation import Installation
from tests.workflows.looking import carried, created_by, history_of
from tests.workflows.stocking import extracted, uploaded

CHUNK = chunk_characters(window_tokens(OpenAISettings.model_fields["model"].default))
MOST_EVENTS_OF_THIRTY_DOCUMENTS = 500
"""Thirty extractions and 37 responses are three events each, and 67 answers wake the workflow at
most 67 times for three more; measured: fewer than 400."""


@pytest.mark.usefixtures("unhurried")
async def test_a_text_is_summarised_with_one_response_and_twelve_events(house: Installation):
    row = await carried(house, "summarize_text", {"text": "The pilot ran for six weeks."})

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    assert (await house.result(row.id))["summary"] == "The pilot ran for six weeks."
    assert len(await created_by(house, row.id)) == 1
    assert len(await history_of(house, row.id)) == 12


@pytest.mark.usefixtures("unhurried")
async def test_a_long_text_travels_by_reference(house: Installation):
    text = ("The pilot ran for six weeks. " * 20_000)[:400_000]
    row = await carried(house, "summarize_text", {"text": text})

    assert row.status is JobStatus.SUCCEEDED
    history = await history_of(house, row.id)
    assert len(history) == 12
    assert sum(each.ByteSize() for each in history) < 20_000


async def test_thirty_documents_are_summarised_in_a_tree(house: Installation):
    names = [f"report-{n}.txt" for n in range(30)]
    ids = [
        await extracted(house, name, f"Report {name} counts {n + 10} boats.", CHUNK)
        for n, name in enumerate(names[:-1])
    ]
    sentence = "The harbour counted 77 boats in the long winter of that year. "
    long_text = sentence * (int(2.5 * CHUNK) // len(sentence))
    ids.append(await uploaded(house, names[-1], long_text))
    row = await carried(house, "summarize_documents", {"document_ids": [str(i) for i in ids]})

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    assert (row.progress.current, row.progress.total) == (30, 30)
    notes = (await house.result(row.id))["documents"]
    assert [note["document_id"] for note in notes] == [str(each) for each in ids]
    assert all(f"counts {n + 10} boats" in note["summary"] for n, note in enumerate(notes[:-1]))
    keys = {each.step_key for each in await house.submits(row.id)}
    assert {f"documents.29/chunks.{n}/1" for n in range(3)} <= keys
    assert "documents.29/combine~2.0/1" in keys
    assert {"combine~2.0/1", "combine~2.1/1", "combine~2.2/1", "combine~3.0/1"} <= keys
    assert len(keys) == len(await created_by(house, row.id)) == 29 + 3 + 1 + 3 + 1
    assert len(await history_of(house, row.id)) < MOST_EVENTS_OF_THIRTY_DOCUMENTS


async def test_a_document_that_cannot_be_read_fails_the_job_or_becomes_a_note(house: Installation):
    good = await uploaded(house, "good.txt", "The pilot ran for six weeks.")
    empty = await uploaded(house, "empty.txt", "")
    payload = {"document_ids": [str(good), str(empty)]}
    row = await carried(house, "summarize_documents", payload)
    assert row.failure is not None
    assert row.failure.code == "document_empty"

    row = await carried(house, "summarize_documents", {**payload, "unreadable": "skip"})
    assert row.status is JobStatus.SUCCEEDED
    notes = (await house.result(row.id))["documents"]
    assert [each["error_code"] for each in notes] == [None, "document_empty"]
    assert [each["name"] for each in notes] == ["good.txt", "empty.txt"]

    only = {"document_ids": [str(empty)], "unreadable": "skip"}
    row = await carried(house, "summarize_documents", only)
    assert row.failure is not None
    assert row.failure.code == "document_failure"
    assert "'empty.txt' contains nothing to read" in row.failure.message
