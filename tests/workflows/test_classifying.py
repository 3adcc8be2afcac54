"""`classify_leads`, end to end: every row gets one entry, whatever the model says."""

import json
from typing import Any

import pytest

from jobs.rows import MOST_ROWS
from jobs.status import JobStatus
from tests.installation import TENANT, Installation
from tests.workflows.looking import carried, created_by, history_of
from tests.workflows.stocking import uploaded

LABELS = [
    {"name": "hot", "description": "has a budget and wants to buy this quarter"},
    {"name": "cold", "description": "is only curious, a student or a competitor"},
]
BUYER, STUDENT = {"note": "Has a budget, wants to buy"}, {"note": "A curious student"}


def leads(count: int) -> list[dict[str, Any]]:
    return [{"company": f"Firm {n}", **(BUYER if n % 3 else STUDENT)} for n in range(1, count + 1)]


def answers(*given: tuple[int, str]) -> str:
    said = [{"row": r, "label": name, "confidence": 0.9, "reason": "So."} for r, name in given]
    return json.dumps({"answers": said})


def rule(text: str, *, contains: str, times: int | None = 1) -> dict[str, Any]:
    return {"contains": contains, "times": times, "script": {"output_text": text}}


async def scripted(house: Installation, *rules: dict[str, Any]) -> None:
    await house.emulator.post("/script", json={"rules": list(rules)})


async def test_a_table_is_classified_in_batches_with_one_entry_per_row(house: Installation):
    row = await carried(house, "classify_leads", {"rows": leads(45), "labels": LABELS})

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    result = await house.result(row.id)
    assert result["counts"] == {"hot": 30, "cold": 15}
    assert result["unanswered"] == 0
    assert [each["row"] for each in result["rows"]] == list(range(1, 46))
    assert [each["label"] for each in result["rows"][:4]] == ["hot", "hot", "cold", "hot"]
    assert all(0 <= each["confidence"] <= 1 and each["reason"] for each in result["rows"])
    assert (row.progress.current, row.progress.total) == (45, 45)
    assert len(await created_by(house, row.id)) == 3


async def test_rows_left_out_doubled_or_invented_are_asked_for_again(house: Installation):
    first = answers((1, "hot"), (2, "hot"), (2, "cold"), (4, "lukewarm"), (9, "hot"))
    second = answers((2, "cold"), (3, "COLD"))
    await scripted(
        house,
        rule(first, contains='<row id="1">'),
        rule(second, contains='<row id="2">'),
    )
    row = await carried(house, "classify_leads", {"rows": leads(5), "labels": LABELS})

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    entries = (await house.result(row.id))["rows"]
    assert [each["label"] for each in entries] == ["hot", "cold", "cold", "hot", "hot"]
    keys = [each.step_key for each in await house.submits(row.id)]
    assert keys == ["batches.0/1", "batches.0/2", "batches.0/3"]


async def test_a_row_that_stays_without_an_answer_is_marked_and_the_others_count(
    house: Installation,
):
    await scripted(
        house,
        rule(answers((1, "hot")), contains='<row id="1">'),
        rule(answers(), contains='<row id="2">', times=None),
    )
    row = await carried(house, "classify_leads", {"rows": leads(2), "labels": LABELS})

    assert row.status is JobStatus.SUCCEEDED
    result = await house.result(row.id)
    assert (result["counts"], result["unanswered"]) == ({"hot": 1, "cold": 0}, 1)
    assert result["rows"][1]["error_code"] == "row_unanswered"
    assert len(await created_by(house, row.id)) == 3


async def test_a_row_that_the_model_refuses_does_not_take_its_neighbours_with_it(
    house: Installation,
):
    refused = {"contains": '<row id="3">', "script": {"outcome": "refusal"}}
    await scripted(house, refused)
    job_id = await house.submit("classify_leads", {"rows": leads(5), "labels": LABELS})
    row = await house.ended(job_id)

    assert row.status is JobStatus.SUCCEEDED
    entries = (await house.result(row.id))["rows"]
    codes = [each["error_code"] for each in entries]
    assert codes == [None, None, "response_refused", None, None]


async def test_a_model_that_refuses_every_row_fails_the_job_after_a_bounded_number_of_tries(
    house: Installation,
):
    await house.emulator.post("/script", json={"default": {"outcome": "refusal"}})
    row = await carried(house, "classify_leads", {"rows": leads(100), "labels": LABELS})

    assert row.failure is not None
    assert row.failure.code == "row_unanswered"
    assert "response_refused" in row.failure.message
    assert len(await created_by(house, row.id)) <= 5 + 2 * 64


async def test_trouble_that_no_row_causes_fails_the_job(house: Installation):
    trouble = {"fault": "unauthorized", "fault_times": 100}
    await house.emulator.post("/script", json={"default": trouble})
    row = await carried(house, "classify_leads", {"rows": leads(2), "labels": LABELS})

    assert row.failure is not None
    assert row.failure.code == "provider_unauthorized"


async def test_the_rows_of_a_document_carry_their_ids_and_only_the_columns_chosen_reach_the_model(
    house: Installation,
):
    lines = ["mail;company;note"]
    lines += [f"p{n}@example.com;{row['company']};{row['note']}" for n, row in enumerate(leads(3))]
    document_id = await uploaded(house, "leads.csv", "\n".join(lines))
    payload = {
        "document_id": str(document_id),
        "labels": LABELS,
        "columns": ["note"],
        "id_column": "mail",
        "criteria": "A budget counts most.",
    }
    row = await carried(house, "classify_leads", payload)

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    entries = (await house.result(row.id))["rows"]
    assert [(each["id"], each["label"]) for each in entries] == [
        ("p0@example.com", "hot"),
        ("p1@example.com", "hot"),
        ("p2@example.com", "cold"),
    ]
    asked = next(
        each.activity_task_scheduled_event_attributes.input.payloads[0].data.decode()
        for each in await history_of(house, row.id)
        if each.activity_task_scheduled_event_attributes.activity_type.name == "respond"
    )
    assert "Has a budget" in asked
    assert "A budget counts most." in asked
    assert "example.com" not in asked
    assert "Firm" not in asked


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("minutes.txt", "The board met.\n", "document_not_a_table"),
        ("leads.csv", "a,b\n" + "1,2\n" * (MOST_ROWS + 1), "too_many_rows"),
        ("leads.csv", "a,b\n1," + "x" * 30_000 + "\n", "document_too_large"),
        ("leads.csv", "a,b\n1,2\n", "column_not_found"),
    ],
    ids=lambda value: value[:20],
)
async def test_a_document_that_is_no_usable_table_fails_with_its_code(
    house: Installation, name: str, text: str, code: str
):
    document_id = await uploaded(house, name, text)
    payload = {"document_id": str(document_id), "labels": LABELS, "columns": ["a", "c"]}
    if code == "document_too_large":
        payload["columns"] = []
    row = await carried(house, "classify_leads", payload)

    assert row.failure is not None
    assert row.failure.code == code
    assert await created_by(house, row.id) == []


async def test_two_thousand_rows_stay_far_from_the_limits_of_a_history(house: Installation):
    payload = {"rows": leads(2000), "labels": LABELS, "rows_per_response": 50}
    row = await house.ended(await house.submit("classify_leads", payload))

    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    assert row.result_key is not None
    result = json.loads(await house.objects.get(TENANT, row.result_key))
    assert len(result["rows"]) == sum(result["counts"].values()) == 2000
    history = await history_of(house, row.id)
    assert len(history) < 500
    assert sum(each.ByteSize() for each in history) < 2_000_000
