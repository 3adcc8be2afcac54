"""Every way in which a job ends is told, once it is recorded."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from jobs.callbacks import DeliveryStatus
from jobs.model import Ending, JobRef
from jobs.status import JobStatus
from jobs.values import DeliveryId, JobId
from settings import CallbackSettings
from storage import deliveries, endpoints, job_moves, secrets
from storage.deliveries import Delivery
from storage.endpoints import Wish
from storage.sealing import Vault
from tests.callbacks.receiver import Answer, Receiver, receiving
from tests.installation import HERE, TENANT, Installation, eventually, serving
from tests.workflows import approval_jobs  # noqa: F401 # declares them
from tests.workflows.looking import scripted, tell

TEXT = "The pilot ran for six weeks."
VAULT = Vault([key.get_secret_value() for key in CallbackSettings().secret_keys])


async def of_job(house: Installation, job_id: JobId) -> list[Delivery]:
    rows = await house.db.fetch("SELECT id FROM deliveries WHERE job_id = $1", job_id)
    return [await deliveries.get(house.db, TENANT, DeliveryId(row["id"])) for row in rows]


async def settled(house: Installation, job_id: JobId) -> Delivery:
    """Wait until the one delivery of a job has ended."""
    found = await eventually(
        lambda: of_job(house, job_id),
        lambda rows: rows and not any(each.status.is_open for each in rows),
    )
    assert len(found) == 1
    delivery: Delivery = found[0]
    return delivery


async def test_a_job_that_succeeds_is_told_to_its_own_url(house: Installation, receiver: Receiver):
    job_id = await house.submit("summarize_text", {"text": TEXT}, callback_url=receiver.url)
    [request] = await receiver.got()

    body = request.json()
    assert body["type"] == "job.succeeded"
    assert body["job_id"] == str(job_id)
    assert body["status"] == "succeeded"
    assert body["result"] == await house.result(job_id)
    assert body["error_message"] is None
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    delivery = await settled(house, job_id)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert (request.id, delivery.attempts) == (str(delivery.id), 1)
    [secret] = await secrets.signing(house.db, VAULT, TENANT, None)
    assert Webhook(secret.text).verify(request.body.decode(), request.headers) == body


async def test_a_job_that_fails_is_told_with_its_reason(house: Installation, receiver: Receiver):
    text = scripted(TEXT, outcome="failed", error_code="invalid_prompt")
    job_id = await house.submit("summarize_text", {"text": text}, callback_url=receiver.url)
    [request] = await receiver.got()

    row = await house.job(job_id)
    assert row.failure
    body = request.json()
    assert (body["type"], body["status"], body["result"]) == ("job.failed", "failed", None)
    assert body["error_code"] == row.failure.code
    assert body["error_message"] == row.failure.message


async def test_a_job_that_is_canceled_is_told(house: Installation, receiver: Receiver):
    text = scripted(TEXT, outcome="stuck")
    job_id = await house.submit("summarize_text", {"text": text}, callback_url=receiver.url)
    await eventually(lambda: house.job(job_id), lambda row: row.status is JobStatus.RUNNING)
    await tell(house, job_id, "cancel")
    [request] = await receiver.got()

    body = request.json()
    assert (body["type"], body["status"]) == ("job.canceled", "canceled")


async def test_a_job_whose_workflow_was_terminated_is_told(house: Installation, receiver: Receiver):
    assert house.deeds
    text = scripted(TEXT, outcome="stuck")
    job_id = await house.submit("summarize_text", {"text": text}, callback_url=receiver.url)
    await eventually(lambda: house.job(job_id), lambda row: row.status is JobStatus.RUNNING)
    await house.client.get_workflow_handle(str(job_id)).terminate("an operator's whim")
    await eventually(
        house.client.get_workflow_handle(str(job_id)).describe, lambda each: each.close_time
    )
    await house.db.execute("UPDATE jobs SET updated_at = now() - interval '1 hour'")
    await house.deeds.maintenance.close_lost_quiet()

    [request] = await receiver.got()
    assert request.json()["error_code"] == "workflow_lost"


async def test_an_approval_that_is_needed_is_told(house: Installation, receiver: Receiver):
    ask = {"key": "plan", "title": "The plan", "shown": {"steps": ["dig"]}}
    job_id = await house.submit("test_asks_people", {"asks": [ask]}, callback_url=receiver.url)
    [request] = await receiver.got()

    body = request.json()
    assert (body["type"], body["status"]) == ("job.approval_needed", "running")
    assert body["job_id"] == str(job_id)
    assert (body["approval"]["key"], body["approval"]["title"]) == ("plan", "The plan")
    answer = {"digest": body["approval"]["digest"]}
    await tell(house, job_id, "approve", answer)
    _, second = await receiver.got(2)
    assert second.json()["type"] == "job.succeeded"


async def test_an_approval_below_names_the_job_that_was_submitted(
    house: Installation, receiver: Receiver
):
    below = {"tree": {"approval": {"id": "inner", "title": "Go?"}}}
    tree = {"job": {"type": "pipeline", "payload": below}}
    job_id = await house.submit("pipeline", {"tree": tree}, callback_url=receiver.url)
    [request] = await receiver.got()

    body = request.json()
    assert body["approval"]["key"] == "inner"
    assert body["root_id"] == str(job_id) != body["job_id"]
    await tell(house, job_id, "cancel")
    await house.ended(job_id)


async def test_an_end_recorded_twice_is_told_once(bare: Installation, receiver: Receiver):
    job_id = await bare.submit("summarize_text", {"text": TEXT}, callback_url=receiver.url)
    ref = JobRef(tenant=TENANT, job_id=job_id, type="summarize_text")
    ending = Ending(job=ref, status=JobStatus.CANCELED, started_at=None)
    await asyncio.gather(*(job_moves.finish(bare.db, ending) for _ in range(5)))

    assert len(await of_job(bare, job_id)) == 1


async def test_endpoints_hear_what_they_asked_for(bare: Installation, receiver: Receiver):
    everything = await endpoints.insert(bare.db, TENANT, Wish(receiver.url))
    failures = Wish(receiver.url, events=("job.failed",))
    await endpoints.insert(bare.db, TENANT, failures)
    disabled = await endpoints.insert(bare.db, TENANT, Wish(receiver.url, enabled=False))
    async with serving(bare):
        job_id = await bare.submit("summarize_text", {"text": TEXT})
        await receiver.got()
        found = await eventually(
            lambda: of_job(bare, job_id), lambda rows: not any(row.status.is_open for row in rows)
        )

    assert {(each.endpoint_id, each.status.value) for each in found} == {
        (everything.id, "delivered"),
        (disabled.id, "abandoned"),
    }
    assert len(receiver.received) == 1


async def test_what_was_written_while_no_worker_ran_is_told_later(
    bare: Installation, receiver: Receiver
):
    job_id = await bare.submit("summarize_text", {"text": TEXT}, callback_url=receiver.url)
    ref = JobRef(tenant=TENANT, job_id=job_id, type="summarize_text")
    await job_moves.finish(bare.db, Ending(job=ref, status=JobStatus.CANCELED, started_at=None))
    async with serving(bare):
        [request] = await receiver.got()

    assert request.json()["type"] == "job.canceled"


IMPATIENT = CallbackSettings(
    callback_networks=HERE,
    callback_pauses=(timedelta(seconds=0.05), timedelta(seconds=0.1)),
    callback_timeout=timedelta(seconds=1),
)


@pytest.fixture
async def impatient(bare: Installation) -> AsyncIterator[Installation]:
    """An installation that retries within fractions of a second."""
    async with serving(bare, callback_settings=IMPATIENT):
        yield bare


async def test_a_refused_callback_is_repeated_with_the_same_id(
    impatient: Installation, receiver: Receiver
):
    receiver.answers = [Answer(500, body=b"oh no"), Answer(302, {"Location": "/elsewhere"})]
    job_id = await impatient.submit("summarize_text", {"text": TEXT}, callback_url=receiver.url)
    delivery = await settled(impatient, job_id)

    assert delivery.status is DeliveryStatus.DELIVERED
    assert len({each.id for each in receiver.received}) == 1
    assert [each.target for each in receiver.received] == ["/hook"] * 3
    rows = await impatient.db.fetch("SELECT * FROM delivery_attempts ORDER BY number")
    assert [(row["http_status"], row["error_code"]) for row in rows] == [
        (500, "refused"),
        (302, "redirected"),
        (204, None),
    ]
    assert rows[0]["response_excerpt"] == "oh no"


async def test_a_callback_nobody_takes_is_exhausted(impatient: Installation, receiver: Receiver):
    receiver.usually = Answer(503)
    job_id = await impatient.submit("summarize_text", {"text": TEXT}, callback_url=receiver.url)
    delivery = await settled(impatient, job_id)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.EXHAUSTED, 3)


async def test_a_receiver_that_puts_us_off_is_obeyed(impatient: Installation, receiver: Receiver):
    receiver.answers = [Answer(429, {"Retry-After": "3600"})]
    job_id = await impatient.submit("summarize_text", {"text": TEXT}, callback_url=receiver.url)
    [delivery] = await eventually(
        lambda: of_job(impatient, job_id), lambda rows: rows and rows[0].attempts
    )

    assert delivery.next_attempt_at is not None
    left = delivery.next_attempt_at - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


async def test_an_endpoint_that_is_gone_is_disabled_and_the_others_hear_of_it(
    impatient: Installation, receiver: Receiver
):
    async with receiving() as other:
        gone = await endpoints.insert(impatient.db, TENANT, Wish(receiver.url))
        await endpoints.insert(impatient.db, TENANT, Wish(other.url, events=("endpoint.disabled",)))
        receiver.usually = Answer(410)
        job_id = await impatient.submit("summarize_text", {"text": TEXT})
        delivery = await settled(impatient, job_id)
        [request] = await other.got()

    assert delivery.status is DeliveryStatus.ABANDONED
    now = await endpoints.get(impatient.db, TENANT, gone.id)
    assert (now.enabled, now.disabled_reason) == (False, "gone")
    body = request.json()
    assert body["type"] == "endpoint.disabled"
    assert body["endpoint"]["endpoint_id"] == str(gone.id)
    assert body["endpoint"]["reason"] == "gone"


async def test_an_endpoint_that_fails_for_days_is_disabled(
    impatient: Installation, receiver: Receiver
):
    endpoint = await endpoints.insert(impatient.db, TENANT, Wish(receiver.url))
    await impatient.db.execute(
        "UPDATE endpoints SET failures = 9, failing_since = now() - interval '121 hours'"
    )
    receiver.usually = Answer(500)
    job_id = await impatient.submit("summarize_text", {"text": TEXT})
    delivery = await settled(impatient, job_id)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.ABANDONED, 1)
    now = await endpoints.get(impatient.db, TENANT, endpoint.id)
    assert (now.enabled, now.disabled_reason) == (False, "failing")


async def test_one_success_makes_an_endpoint_healthy_again(
    impatient: Installation, receiver: Receiver
):
    endpoint = await endpoints.insert(impatient.db, TENANT, Wish(receiver.url))
    receiver.answers = [Answer(500)]
    job_id = await impatient.submit("summarize_text", {"text": TEXT})
    await settled(impatient, job_id)

    assert (await endpoints.get(impatient.db, TENANT, endpoint.id)).failing_since is None


async def test_an_answer_that_drips_too_slowly_is_a_failure(
    impatient: Installation, receiver: Receiver
):
    receiver.usually = Answer(200, body=b"ok", hang=asyncio.Event().wait)
    job_id = await impatient.submit("summarize_text", {"text": TEXT}, callback_url=receiver.url)
    delivery = await settled(impatient, job_id)

    assert (delivery.status, delivery.last_error) == (DeliveryStatus.EXHAUSTED, "timed_out")


async def test_nothing_goes_to_this_machine_unless_it_is_allowed(
    bare: Installation, receiver: Receiver
):
    settings = CallbackSettings(callback_pauses=())
    async with serving(bare, callback_settings=settings):
        job_id = await bare.submit("summarize_text", {"text": TEXT}, callback_url=receiver.url)
        delivery = await settled(bare, job_id)

    assert (delivery.status, delivery.last_error) == (DeliveryStatus.EXHAUSTED, "url_refused")
    assert receiver.connections == 0
