"""Signed webhooks: managed, delivered, retried and rotated as the real SDK expects it."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import openai as sdk
import pytest
from openai import AsyncOpenAI
from standardwebhooks import Webhook

from local.openai_emulator.answers import Answer
from local.openai_emulator.deliveries import Dispatcher
from local.openai_emulator.endpoints import Endpoint
from local.openai_emulator.ledger import Ledger, Record
from local.openai_emulator.settings import Tuning

TEXT = "The harbour moved 4.2 million tonnes in 2025. Cranes ran for 310 days without an accident."
ENDS: Any = [f"response.{status}" for status in ("completed", "failed", "incomplete", "cancelled")]


async def create(openai: AsyncOpenAI, **script: Any):
    return await openai.responses.create(
        model="m",
        input=TEXT,
        background=True,
        extra_headers={"X-Emulator-Script": json.dumps(script)},
    )


async def registered(openai: AsyncOpenAI, url: str, event_types: Any = None):
    return await openai.webhooks.create(name="ours", url=url, event_types=event_types or ENDS)


def verified(openai: AsyncOpenAI, came: tuple[Mapping[str, str], bytes], secret: str) -> Any:
    headers, body = came
    Webhook(secret).verify(body, dict(headers.items()))
    return openai.webhooks.unwrap(body, dict(headers.items()), secret=secret)


async def deliveries(admin) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = (await admin.get("/deliveries")).json()
    return lines


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("completed", "response.completed"),
        ("failed", "response.failed"),
        ("incomplete", "response.incomplete"),
    ],
)
async def test_the_end_of_a_response_arrives_signed(openai, admin, receiver, outcome, kind):
    endpoint = await registered(openai, receiver.url)
    response = await create(openai, outcome=outcome, queued_seconds=0, run_seconds=0.05)
    event = verified(openai, await receiver.next(), endpoint.signing_secret)
    assert (event.type, event.data.id, event.object) == (kind, response.id, "event")
    assert event.id.startswith("evt_")
    [entry] = (await admin.get("/ledger")).json()
    assert entry["webhooks"] == [kind]


async def test_a_cancel_is_announced_at_once(openai, receiver):
    await registered(openai, receiver.url)
    response = await create(openai, outcome="stuck")
    await openai.responses.cancel(response.id)
    event = await receiver.next_event()
    assert (event["type"], event["data"]["id"]) == ("response.cancelled", response.id)


async def test_the_admin_ends_a_response_and_its_event_comes(openai, admin, receiver):
    await registered(openai, receiver.url)
    response = await create(openai, run_seconds=600)
    await admin.post(f"/responses/{response.id}/complete")
    assert (await receiver.next_event())["data"] == {"id": response.id}


async def test_an_endpoint_registered_later_hears_of_what_is_running(openai, receiver):
    response = await create(openai, queued_seconds=0, run_seconds=0.3)
    await registered(openai, receiver.url)
    assert (await receiver.next_event())["data"]["id"] == response.id


async def test_only_the_event_types_asked_for_and_only_background_responses(openai, receiver):
    await registered(openai, receiver.url, ["response.failed"])
    await create(openai)
    await openai.responses.create(
        model="m", input=TEXT, extra_headers={"X-Emulator-Script": '{"outcome": "failed"}'}
    )
    wanted = await create(openai, outcome="failed")
    assert (await receiver.next_event())["data"]["id"] == wanted.id
    assert receiver.is_empty


async def test_what_is_not_answered_with_2xx_is_sent_again_with_the_same_id(
    openai, admin, receiver
):
    await admin.post("/settings", json={"webhook_retry_seconds": 0.02})
    receiver.statuses = [500, 302, 404]
    endpoint = await registered(openai, receiver.url)
    await create(openai)
    came = [await receiver.next() for _ in range(4)]
    assert len({headers["webhook-id"] for headers, _ in came}) == 1
    assert len({body for _, body in came}) == 1
    assert verified(openai, came[-1], endpoint.signing_secret)
    created_again = await create(openai)
    assert (await receiver.next_event())["data"]["id"] == created_again.id  # no fifth attempt
    lines = await deliveries(admin)
    assert [line["status_code"] for line in lines][:4] == [500, 302, 404, 204]
    assert [line["attempt"] for line in lines][:4] == [1, 2, 3, 4]
    assert lines[0]["terminal_at"] <= lines[0]["sent_at"] <= lines[0]["answered_at"]


async def test_an_unreachable_endpoint_is_tried_until_it_answers_or_is_deleted(openai, admin):
    await admin.post("/settings", json={"webhook_retry_seconds": 0.01})
    endpoint = await registered(openai, "http://127.0.0.1:1/hook")
    await create(openai)
    while len(lines := await deliveries(admin)) < 2:
        await asyncio.sleep(0.01)
    assert lines[0]["status_code"] is None
    assert "ClientConnectorError" in lines[0]["error"]
    gone = await openai.webhooks.delete(endpoint.id)
    assert gone.deleted
    assert (await openai.webhooks.list()).data == []


async def test_a_lost_webhook_is_only_logged(openai, admin, receiver):
    await registered(openai, receiver.url)
    lost = await create(openai, webhook="lost")
    found = await create(openai)
    assert (await receiver.next_event())["data"]["id"] == found.id
    [line] = [each for each in await deliveries(admin) if each["response_id"] == lost.id]
    assert (line["mode"], line["answered_at"]) == ("lost", None)


async def test_a_duplicate_webhook_comes_twice_with_the_same_id(openai, receiver):
    await registered(openai, receiver.url)
    await create(openai, webhook="duplicate")
    first, second = await receiver.next(), await receiver.next()
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]


@pytest.mark.parametrize(("run_seconds", "status"), [(0, "completed"), (60, "in_progress")])
async def test_an_early_webhook_is_there_before_the_reply(openai, receiver, run_seconds, status):
    await registered(openai, receiver.url)
    response = await create(openai, webhook="early", queued_seconds=0, run_seconds=run_seconds)
    assert not receiver.is_empty
    event = await receiver.next_event()
    assert (event["type"], event["data"]["id"]) == ("response.completed", response.id)
    assert response.status == status
    assert (await openai.responses.retrieve(response.id)).status == status


async def test_an_early_webhook_comes_even_when_the_reply_does_not(openai, admin, receiver):
    await registered(openai, receiver.url)
    with pytest.raises(sdk.APIConnectionError):
        await create(openai, webhook="early", fault="drop_after")
    [entry] = (await admin.get("/ledger")).json()
    assert (await receiver.next_event())["data"]["id"] == entry["id"]


async def test_a_late_webhook_waits(openai, admin, receiver):
    await admin.post("/settings", json={"webhook": "late", "webhook_delay_seconds": 0.2})
    await registered(openai, receiver.url)
    await create(openai)
    await receiver.next()
    [line] = await deliveries(admin)
    assert line["sent_at"] - line["terminal_at"] >= 0.2


async def test_a_reordered_webhook_lets_the_next_one_pass(openai, receiver):
    await registered(openai, receiver.url)
    first = await create(openai, webhook="reordered", webhook_delay_seconds=30)
    second = await create(openai)
    came = [(await receiver.next_event())["data"]["id"] for _ in range(2)]
    assert came == [second.id, first.id]


async def test_a_cancelled_response_that_completes_is_announced_twice(openai, receiver):
    await registered(openai, receiver.url)
    response = await create(
        openai, outcome="cancelled_then_completed", run_seconds=600, revive_seconds=0.1
    )
    assert (await openai.responses.cancel(response.id)).status == "cancelled"
    kinds = [(await receiver.next_event())["type"] for _ in range(2)]
    assert kinds == ["response.cancelled", "response.completed"]
    revived = await openai.responses.retrieve(response.id)
    assert revived.status == "completed"
    assert revived.usage is not None


async def test_a_rotation_signs_with_both_secrets_only_if_the_old_one_is_kept(openai, receiver):
    endpoint = await registered(openai, receiver.url)
    kept = await openai.webhooks.rotate_secret(
        endpoint.id, keep_old_secret_active_for_24_hours=True
    )
    await create(openai)
    came = await receiver.next()
    for secret in (endpoint.signing_secret, kept.signing_secret):
        assert verified(openai, came, secret)
    last = await openai.webhooks.rotate_secret(endpoint.id)
    await create(openai)
    came = await receiver.next()
    assert verified(openai, came, last.signing_secret)
    headers, body = came
    with pytest.raises(sdk.InvalidWebhookSignatureError):
        openai.webhooks.unwrap(body, dict(headers.items()), secret=kept.signing_secret)


@pytest.mark.parametrize("flaw", ["signature", "old_timestamp", "no_signature"])
async def test_a_forged_webhook_is_not_believed(openai, admin, receiver, flaw):
    endpoint = await registered(openai, receiver.url)
    reply = await admin.post("/webhooks/forge", json={"flaw": flaw})
    assert [line["status_code"] for line in reply.json()] == [204]
    headers, body = await receiver.next()
    # A missing header is a plain ValueError to the SDK, of which its own error is a kind.
    with pytest.raises(ValueError, match=r"(?i)signature|timestamp"):
        openai.webhooks.unwrap(body, dict(headers.items()), secret=endpoint.signing_secret)


async def test_a_proper_webhook_about_anything_can_be_sent(openai, admin, receiver):
    endpoint = await registered(openai, receiver.url)
    forgery = {"type": "response.paused", "response_id": "resp_x", "event_name": "again"}
    for _ in range(2):
        await admin.post("/webhooks/forge", json=forgery)
    first, second = await receiver.next(), await receiver.next()
    event = verified(openai, first, endpoint.signing_secret)
    assert (event.type, event.data.id) == ("response.paused", "resp_x")
    assert first[0]["webhook-id"] == second[0]["webhook-id"] == "wh_again"


async def test_endpoints_are_managed_as_at_openai(openai, receiver):
    assert "response.completed" in (await openai.webhooks.event_types.list()).data
    first = await registered(openai, receiver.url)
    second = await registered(openai, receiver.url)
    assert first.signing_secret.startswith("whsec_")
    listed = [each async for each in openai.webhooks.list(limit=1)]
    assert [each.id for each in listed] == [second.id, first.id]
    found = await openai.webhooks.retrieve(first.id)
    assert not hasattr(found, "signing_secret")
    changed = await openai.webhooks.update(first.id, name="renamed", event_types=ENDS[:1])
    assert (changed.name, changed.event_types, changed.url) == ("renamed", ENDS[:1], receiver.url)
    with pytest.raises(sdk.NotFoundError):
        await openai.webhooks.retrieve("whe_no")


async def test_a_test_event_tells_what_the_endpoint_answered(openai, receiver):
    receiver.statuses = [418]
    endpoint = await registered(openai, receiver.url)
    result = await openai.webhooks.test(endpoint.id, event_type="response.completed")
    assert result.status_code == 418
    event = verified(openai, await receiver.next(), endpoint.signing_secret)
    assert event.type == "response.completed"
    nowhere = await registered(openai, "http://127.0.0.1:1/hook")
    with pytest.raises(sdk.BadRequestError):
        await openai.webhooks.test(nowhere.id, event_type="response.completed")


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"event_types": ["response.odd"]}, "event_types[0]"),
        ({"event_types": []}, "event_types"),
        ({"url": "ftp://x"}, "url"),
        ({"secret": "mine"}, "secret"),
        ({"name": None}, "name"),
    ],
)
async def test_a_wrong_endpoint_is_refused(openai, admin, extra, param):
    body = {"name": "n", "url": "http://x", "event_types": ENDS} | extra
    with pytest.raises(sdk.BadRequestError) as caught:
        await openai.post("/webhook_endpoints", body=body, cast_to=object)
    assert caught.value.param == param


def waiting(number: int, finishes_at: float) -> Record:
    return Record(
        id=f"resp_{number}",
        body={"model": "m", "background": True},
        text="",
        answer=Answer("completed", "Done.", reasoning_tokens=0),
        input_tokens=1,
        request_id="req_1",
        client_request_id=None,
        created_at=0,
        runs_at=0,
        finishes_at=finishes_at,
    )


async def test_thousands_of_waiting_responses_cost_one_task(receiver):
    tuning = Tuning()
    ledger = Ledger(tuning, clock=time.time)
    dispatcher = Dispatcher(ledger, tuning)
    in_an_hour = time.time() + 3600
    for number in range(5000):
        ledger.add(waiting(number, in_an_hour))
    before = len(asyncio.all_tasks())
    dispatcher.watch(ledger.records["resp_0"])
    assert len(asyncio.all_tasks()) == before  # nobody listens
    dispatcher.register(
        Endpoint(
            id="whe_1", name="n", url=receiver.url, event_types=ENDS, created_at=0, updated_at=0
        )
    )
    assert len(asyncio.all_tasks()) == before + 1
    soon = waiting(5000, time.time() + 0.05)
    ledger.add(soon)
    dispatcher.watch(soon)
    assert (await receiver.next_event())["data"]["id"] == soon.id
    await dispatcher.close()
    assert receiver.is_empty
