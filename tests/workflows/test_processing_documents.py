"""`process_document`, end to end against the real servers."""

import json
from pathlib import Path
from typing import Any

from jobs.status import JobStatus
from tests.activities.papers import stored_document
from tests.extraction.documents import written_pdf
from tests.installation import Installation
from tests.workflows.looking import carried, created_by, scheduled
from tests.workflows.stocking import uploaded
from tests.workflows.test_summarizing import CHUNK

CONTRACT = Path(__file__).parents[2] / "examples/documents/supplier-contract-lumenvale.md"
FINDINGS = {
    "kind": "report",
    "title": "Boats",
    "language": "en",
    "summary": "Boats were counted.",
    "key_points": ["77 boats."],
    "focus_findings": ["Nothing about costs."],
    "entities": [{"name": "Acme", "kind": "organization", "role": "owner"}],
    "dates": [{"text": "5 May", "date": "no date", "meaning": "the count"}],
    "amounts": [{"text": "77 boats", "value": "77", "unit": "boats", "meaning": "the count"}],
    "action_items": [{"task": "Count again.", "owner": None, "due": None}],
}


async def script(house: Installation, *rules: dict[str, Any]) -> None:
    await house.emulator.post("/script", json={"rules": list(rules)})


def says(answer: dict[str, Any], *, contains: str) -> dict[str, Any]:
    return {"contains": contains, "script": {"output_text": json.dumps(answer)}}


async def test_a_contract_is_turned_into_typed_findings(house: Installation):
    document_id = await uploaded(house, CONTRACT.name, CONTRACT.read_text("utf-8"))
    row = await carried(house, "process_document", {"document_id": str(document_id)})

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    result = await house.result(row.id)
    assert (result["document_id"], result["name"]) == (str(document_id), CONTRACT.name)
    assert result["title"] == "Supplier contract summary: Lumenvale Optics GmbH"
    assert {"text": "2 December 2025", "date": "2025-12-02"}.items() <= result["dates"][2].items()
    amounts = {each["text"]: (each["value"], each["unit"]) for each in result["amounts"]}
    assert amounts["EUR 2,736,000"] == ("2736000", "EUR")
    assert result["focus_findings"] == []
    assert len(await created_by(house, row.id)) == 1


async def test_a_long_document_is_read_in_chunks_and_its_findings_are_merged(house: Installation):
    sentence = "The harbour counted 77 boats in the long winter of that year. "
    text = sentence * (int(2.5 * CHUNK) // len(sentence))
    document_id = await uploaded(house, "boats.txt", text)
    overview = {name: FINDINGS[name] for name in list(FINDINGS)[:6]} | {"title": "All boats"}
    await script(
        house,
        says(FINDINGS, contains='name="boats.txt"'),
        says(overview, contains="Boats were counted."),
    )
    row = await carried(house, "process_document", {"document_id": str(document_id), "focus": "€?"})

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    assert (row.progress.current, row.progress.total) == (3, 3)
    result = await house.result(row.id)
    assert (result["title"], result["characters"]) == ("All boats", len(text))
    assert result["entities"] == FINDINGS["entities"]
    assert result["dates"] == [{"text": "5 May", "date": None, "meaning": "the count"}]
    assert result["amounts"] == FINDINGS["amounts"]
    assert result["focus_findings"] == ["Nothing about costs."]
    keys = {each.step_key for each in await house.submits(row.id)}
    assert keys == {"chunks.0/1", "chunks.1/1", "chunks.2/1", "combine~2.0/1"}


async def test_the_focus_reaches_the_model_as_an_instruction(house: Installation):
    document_id = await uploaded(house, "boats.txt", "The harbour counted 77 boats.")
    payload = {"document_id": str(document_id), "focus": "How many {boats}?"}
    row = await carried(house, "process_document", payload)

    assert row.status is JobStatus.SUCCEEDED
    assert (await house.result(row.id))["focus_findings"] == ["The harbour counted 77 boats."]


async def test_a_file_is_given_to_the_model_as_it_is_when_that_was_asked_for(house: Installation):
    pdf = await stored_document(house, "boats.pdf", written_pdf("The harbour has 77 boats."))
    payload = {"document_id": str(pdf.id), "document": "original"}
    row = await carried(house, "process_document", payload)

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    result = await house.result(row.id)
    assert "77 boats" in result["summary"]
    assert (result["name"], result["pages"], result["characters"]) == ("boats.pdf", None, None)
    assert "extract_document" not in await scheduled(house, row.id)


async def test_a_document_that_cannot_be_read_fails_with_its_code(house: Installation):
    document_id = await uploaded(house, "empty.txt", "")
    row = await carried(house, "process_document", {"document_id": str(document_id)})

    assert row.failure is not None
    assert row.failure.code == "document_empty"
