"""Every trouble a provider can make, through the whole stack: worker, Temporal, Postgres, HTTP."""

from decimal import Decimal
from typing import Any

import httpx2
import pytest

from jobs.options import JobOptions
from jobs.status import JobStatus
from jobs.values import JobId
from tests.activities.bench import MODEL, TEXT, created, scripted, states
from tests.installation import Installation, eventually

PRICED = JobOptions(model=MODEL)


async def script_once(house: Installation, *scripts: dict[str, Any]) -> None:
    """Have each of the next creates follow one script; later ones are ordinary."""
    rules = [{"script": each, "times": 1} for each in scripts]
    assert (await house.emulator.post("/script", json={"rules": rules})).status_code == 204


async def costs_what_the_ledger_says(house: Installation, job_id: JobId) -> bool:
    known = [each.cost for each in await house.submits(job_id) if each.cost]
    cost = (await house.job(job_id)).cost
    booked = sum((each.usd for each in known if each.usd is not None), Decimal(0))
    tokens = sum(each.usage.output_tokens for each in known)
    return (cost.usd or 0, cost.usage.output_tokens) == (booked, tokens)


@pytest.mark.parametrize(
    ("script", "ledger", "creates"),
    [
        ({"fault": "rate_limited", "retry_after_seconds": 0.2}, ["rejected", "effective"], 1),
        ({"fault": "overloaded"}, ["rejected", "effective"], 1),
        ({"fault": "server_error"}, ["uncertain", "effective"], 1),
        ({"fault": "drop_before"}, ["uncertain", "effective"], 1),
        ({"fault": "drop_after"}, ["uncertain", "effective"], 2),
        ({"outcome": "failed", "error_code": "server_error"}, ["failed", "effective"], 2),
    ],
    ids=lambda each: "-".join(map(str, each.values())) if isinstance(each, dict) else "",
)
async def test_a_passing_trouble_costs_one_more_submit(
    house: Installation, script: dict[str, Any], ledger: list[str], creates: int
):
    await script_once(house, script)
    job_id = await house.submit("summarize_text", {"text": TEXT}, PRICED)

    row = await house.ended(job_id)
    assert (row.status, row.failure) == (JobStatus.SUCCEEDED, None)
    assert (row.retry_count, await states(house, job_id)) == (1, ledger)
    assert len(await house.created()) == creates
    assert await costs_what_the_ledger_says(house, job_id)
    assert row.cost.usd
    assert row.cost.usd > 0


@pytest.mark.parametrize(
    ("script", "code", "state", "creates"),
    [
        ({"fault": "bad_request"}, "provider_bad_request", "rejected", 0),
        ({"fault": "unauthorized"}, "provider_unauthorized", "rejected", 0),
        ({"outcome": "failed", "error_code": "invalid_prompt"}, "response_failed", "failed", 1),
        ({"outcome": "incomplete"}, "response_incomplete", "failed", 1),
        ({"outcome": "refusal"}, "response_refused", "failed", 1),
    ],
    ids=lambda each: "-".join(map(str, each.values())) if isinstance(each, dict) else "",
)
async def test_a_lasting_trouble_fails_the_job_at_once_with_its_code(
    house: Installation, script: dict[str, Any], code: str, state: str, creates: int
):
    job_id = await house.submit("summarize_text", {"text": scripted(**script)}, PRICED)

    row = await house.ended(job_id)
    assert row.status is JobStatus.FAILED
    assert row.failure
    assert row.failure.code == code
    assert (row.retry_count, await states(house, job_id)) == (0, [state])
    assert await house.closed(job_id) == "FAILED"
    assert len(await house.created()) == creates
    assert await costs_what_the_ledger_says(house, job_id)


@pytest.mark.parametrize(
    ("script", "last", "creates"),
    [
        ({"fault": "drop_after", "fault_times": 9}, "submit_uncertain", 2),
        ({"outcome": "failed"}, "response_failed_transiently", 2),
    ],
    ids=["drop_after", "failed"],
)
async def test_a_trouble_that_stays_ends_after_the_tries_allowed_and_names_the_last_code(
    house: Installation, script: dict[str, Any], last: str, creates: int
):
    job_id = await house.submit(
        "summarize_text", {"text": scripted(**script)}, JobOptions(max_tries=2)
    )
    row = await house.ended(job_id)
    assert row.failure
    assert row.failure.code == "tries_exhausted"
    assert last in row.failure.message
    assert (row.retry_count, len(await house.submits(job_id))) == (1, 2)
    assert len(await house.created()) == creates


async def test_a_rate_limit_makes_temporal_wait_as_long_as_the_provider_asks(house: Installation):
    script = {"fault": "rate_limited", "retry_after_seconds": 77}
    job_id = await house.submit("summarize_text", {"text": scripted(**script)})
    handle = house.client.get_workflow_handle(str(job_id))

    async def pending() -> list[Any]:
        return list((await handle.describe()).raw_description.pending_activities)

    [deed] = await eventually(pending, lambda found: found and found[0].attempt == 2)
    assert deed.current_retry_interval.seconds == 77
    assert deed.last_failure.application_failure_info.type == "provider_rate_limited"
    await handle.cancel()
    assert (await house.ended(job_id)).status is JobStatus.CANCELED


async def test_a_response_canceled_at_the_provider_fails_the_job_and_is_booked(
    house: Installation,
):
    job_id = await house.submit("summarize_text", {"text": scripted(outcome="stuck")}, PRICED)
    [found] = await created(house)
    async with httpx2.AsyncClient(base_url=house.environment["OPENAI_BASE_URL"]) as somebody:
        await somebody.post(
            f"/responses/{found['id']}/cancel", headers={"Authorization": "Bearer k"}
        )
    row = await house.ended(job_id)
    assert row.failure
    assert row.failure.code == "response_canceled_upstream"
    assert await states(house, job_id) == ["canceled"]
    assert await costs_what_the_ledger_says(house, job_id)
    assert row.cost.responses == 1


async def test_an_answer_that_does_not_fit_is_repaired_once(house: Installation):
    await script_once(house, {"outcome": "bad_json"})
    job_id = await house.submit("generate_title", {"content": TEXT})
    assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED
    assert len(await house.created()) == 2
    assert {each.step_key for each in await house.submits(job_id)} == {"1", "2"}


async def test_an_answer_that_never_fits_fails_as_output_mismatch(house: Installation):
    await script_once(house, {"outcome": "bad_json"}, {"outcome": "bad_json"})
    job_id = await house.submit("generate_title", {"content": TEXT})
    row = await house.ended(job_id)
    assert row.failure
    assert row.failure.code == "output_mismatch"
    assert len(await house.created()) == 2


async def test_a_model_without_a_price_leaves_the_cost_unknown_and_says_so(house: Installation):
    options = JobOptions(model="a-model-nobody-prices")
    job_id = await house.submit("summarize_text", {"text": TEXT}, options)
    row = await house.ended(job_id)
    assert (row.cost.usd, row.cost.responses, row.cost.unpriced_responses) == (None, 1, 1)
    assert row.cost.usage.output_tokens > 0
