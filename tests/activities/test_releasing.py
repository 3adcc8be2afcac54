"""Canceling every response of a job: what cannot be canceled does not hide what can."""

import pytest

from jobs.errors import ProviderOverloaded
from jobs.requests import CancelRequest
from tests.activities.bench import Bench
from tests.activities.lost import ledger_says
from tests.activities.status_server import Reply, StatusServer, says


@pytest.mark.parametrize("refused", ["resp_1", "resp_2"], ids=["first", "last"])
async def test_a_cancel_refused_for_good_does_not_end_the_tries_at_another(
    scripted_bench: Bench, provider: StatusServer, refused: str
):
    bench = scripted_bench
    [busy] = {"resp_1", "resp_2"} - {refused}
    provider.creates = [says("queued", id="resp_1"), says("queued", id="resp_2")]
    provider.cancels[refused] = [Reply("{}", 422)]
    provider.cancels[busy] = [Reply("{}", 503), says("cancelled", id=busy)]
    steps = {"resp_1": await bench.step()}
    steps["resp_2"] = await bench.step(job=steps["resp_1"].job, step_key="2")
    for step in steps.values():
        await bench.submit(step)

    request = CancelRequest(job=steps[busy].job, reason="enough", job_too=True)
    with pytest.raises(ProviderOverloaded):
        await bench.run(bench.deeds.responses.cancel_responses, request)
    await bench.run(bench.deeds.responses.cancel_responses, request)
    await ledger_says(bench, steps[busy], "canceled")
    await ledger_says(bench, steps[refused], "open")
