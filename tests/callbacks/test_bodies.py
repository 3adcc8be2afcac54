"""What receivers get: bytes that every library of the standard accepts, and nothing else counts."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks import Webhook, WebhookVerificationError

from activities.delivering.message import LARGEST_BYTES, signed_headers
from api.gateway import Gateway
from jobs.callbacks import DeliveryStatus
from jobs.ids import uuid7
from jobs.values import DeliveryId
from jobs.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from storage import delivery_log, endpoints, secrets
from storage.deliveries import Delivery
from storage.endpoints import Wish
from storage.secrets import Secret, new_secret
from tests.api.conftest import served
from tests.callbacks.receiver import Answer, Received, Receiver
from tests.callbacks.recording import recorded
from tests.callbacks.test_telling import VAULT, of_job, settled
from tests.installation import TENANT, Installation, eventually

SIGNED = (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)
OPENAI = OpenAI(api_key="unused")
NOW = datetime.now(UTC)
SECRET = Secret(new_secret(), NOW, None)
DELIVERY = Delivery(
    id=DeliveryId(uuid7(0)),
    tenant=TENANT,
    channel="callback",
    event="job.succeeded",
    data={},
    job_id=None,
    endpoint_id=None,
    url="https://example.com/",
    accepted=True,
    status=DeliveryStatus.PENDING,
    round=1,
    attempts=0,
    last_error=None,
    created_at=NOW,
    next_attempt_at=None,
    ended_at=None,
)
BODIES = {
    "plain": '{"a": 1}',
    "beyond ASCII": json.dumps({"a": "Grüße, 世界 🌍"}, ensure_ascii=False),
    "empty": "{}",
    "large": json.dumps({"a": "x" * (LARGEST_BYTES - 10)}),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_libraries_of_the_standard_accept_our_bytes(body: str):
    headers = signed_headers(DELIVERY, body.encode(), [SECRET])
    Webhook(SECRET.text).verify(body, headers)
    OPENAI.webhooks.verify_signature(body, headers, secret=SECRET.text)


@given(st.data())
def test_a_flipped_bit_is_refused_by_both_libraries(data: st.DataObject):
    body = BODIES["plain"]
    headers = {name: signed_headers(DELIVERY, body.encode(), [SECRET])[name] for name in SIGNED}
    parts = {**{name: text.encode() for name, text in headers.items()}, "body": body.encode()}
    name = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.integers(0, len(parts[name]) * 8 - 1))
    flipped = bytearray(parts[name])
    flipped[place // 8] ^= 1 << place % 8
    parts[name] = bytes(flipped)
    texts = {key: value.decode("latin-1") for key, value in parts.items()}
    body = texts.pop("body")
    # The standard's own library falls over a header without a comma or beyond ASCII.
    with pytest.raises((WebhookVerificationError, ValueError, TypeError)):
        Webhook(SECRET.text).verify(body, texts)
    with pytest.raises((InvalidWebhookSignatureError, ValueError, TypeError)):
        OPENAI.webhooks.verify_signature(body, texts, secret=SECRET.text)


@pytest.fixture
def gateway(house: Installation) -> Gateway:
    return house.gateway()


def verified(request: Received, *texts: str) -> None:
    for text in texts:
        Webhook(text).verify(request.body.decode(), request.headers)


async def test_a_result_that_is_too_large_is_linked_to(
    house: Installation, gateway: Gateway, receiver: Receiver
):
    result = {"words": "w" * LARGEST_BYTES}
    await recorded(house, receiver.url, result=json.dumps(result))
    [request] = await receiver.got()

    assert len(request.body) < LARGEST_BYTES
    body = request.json()
    assert body["result"] is None
    async with served(gateway) as api:
        reply = await api.get(urlsplit(body["result_url"]).path)
    assert reply.json() == result


async def test_a_result_in_the_object_store_is_linked_to(
    house: Installation, gateway: Gateway, receiver: Receiver
):
    key = await house.objects.put(TENANT, "results", b'{"words": 7}')
    await recorded(house, receiver.url, result_key=key)
    [request] = await receiver.got()

    async with served(gateway) as api:
        reply = await api.get(urlsplit(request.json()["result_url"]).path)
    assert reply.json() == {"words": 7}


async def test_a_small_result_needs_no_link(house: Installation, receiver: Receiver):
    job_id = await recorded(house, receiver.url, result='{"words": "Grüße"}')
    [request] = await receiver.got()

    assert request.json() == {
        "type": "job.succeeded",
        "timestamp": request.json()["timestamp"],
        "job_id": str(job_id),
        "root_id": str(job_id),
        "job_type": "summarize_text",
        "labels": {},
        "status": "succeeded",
        "result": {"words": "Grüße"},
        "result_url": None,
        "error_code": None,
        "error_message": None,
    }


async def test_while_secrets_rotate_both_sign(house: Installation, receiver: Receiver):
    endpoint = await endpoints.insert(house.db, TENANT, Wish(receiver.url))
    [old] = await secrets.signing(house.db, VAULT, TENANT, endpoint.id)
    new, _ = await secrets.rotate(
        house.db, VAULT, TENANT, endpoint.id, overlap=timedelta(days=1), force=False
    )
    await recorded(house, None)
    [request] = await receiver.got()

    assert len(request.headers[SIGNATURE_HEADER].split(" ")) == 2
    verified(request, old.text, new.text)
    await house.db.execute(
        "UPDATE signing_secrets SET expires_at = now() WHERE expires_at IS NOT NULL"
    )
    await recorded(house, None)
    _, request = await receiver.got(2)
    verified(request, new.text)
    with pytest.raises(WebhookVerificationError):
        verified(request, old.text)


async def test_what_is_sent_again_has_the_same_id_and_a_new_time(
    house: Installation, receiver: Receiver
):
    job_id = await recorded(house, receiver.url)
    delivery = await settled(house, job_id)
    await house.db.execute("UPDATE deliveries SET created_at = now() - interval '2 days'")
    await delivery_log.send_again(house.db, TENANT, delivery.id)
    first, second = await receiver.got(2)

    assert first.id == second.id
    [secret] = await secrets.signing(house.db, VAULT, TENANT, None)
    verified(second, secret.text)
    again = await settled(house, job_id)
    assert (again.status, again.attempts) == (DeliveryStatus.DELIVERED, 2)


async def test_a_delivery_that_waits_is_sent_at_once_when_somebody_asks(
    house: Installation, receiver: Receiver
):
    receiver.answers = [Answer(503, {"Retry-After": "7200"})]
    job_id = await recorded(house, receiver.url)
    [waiting] = await eventually(
        lambda: of_job(house, job_id), lambda rows: rows and rows[0].attempts == 1
    )
    await delivery_log.send_again(house.db, TENANT, waiting.id)
    await receiver.got(2)

    assert (await settled(house, job_id)).status is DeliveryStatus.DELIVERED
