"""What receivers check callbacks with."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

import backburner
from backburner import BackburnerError, CallbackRejected, JobStatus, webhooks
from jobs.webhooks import sign

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
JOB = "019ab2c4-5d6e-7f80-9123-456789abcdef"
SAID = {
    "type": "job.succeeded",
    "timestamp": "2026-11-22T11:59:58Z",
    "job_id": JOB,
    "status": "succeeded",
    "result": {"summary": "Grüße"},
    "error_message": None,
    "of_a_later_version": 1,
}
BODY = json.dumps(SAID, ensure_ascii=False).encode()


def secret_of(letter: str) -> str:
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


SECRET, OTHER = secret_of("a"), secret_of("b")


def headers(secret: str = SECRET, body: bytes = BODY) -> dict[str, str]:
    signature = Webhook(secret).sign("wh_1", NOW, body.decode())
    stamp = str(int(NOW.timestamp()))
    # As servers hand them over: in any case, among others.
    return {
        "Content-Type": "application/json",
        "Webhook-Id": "wh_1",
        "WEBHOOK-TIMESTAMP": stamp,
        "webhook-signature": signature,
    }


def verify(**more: Any) -> webhooks.CallbackEvent:
    given: dict[str, Any] = {"body": BODY, "headers": headers(), "secrets": SECRET, "now": NOW}
    return webhooks.verify(**given | more)


def test_a_callback_is_read():
    event = verify()
    assert (event.webhook_id, event.type, str(event.job_id)) == ("wh_1", "job.succeeded", JOB)
    assert (event.status, event.result) == (JobStatus.SUCCEEDED, {"summary": "Grüße"})
    assert event.timestamp == NOW - timedelta(seconds=2)
    assert event.result_url is None
    assert verify(body=BODY.decode()) == event


def test_it_is_found_where_the_package_says():
    assert backburner.webhooks.verify is webhooks.verify
    assert issubclass(CallbackRejected, BackburnerError)


def test_any_of_several_secrets_may_have_signed():
    assert verify(secrets=[OTHER, SECRET]).webhook_id == "wh_1"
    assert verify(secrets=iter([SECRET, OTHER])).webhook_id == "wh_1"
    with pytest.raises(CallbackRejected):
        verify(secrets=[OTHER])
    with pytest.raises(CallbackRejected):
        verify(secrets=[])


@pytest.mark.parametrize("off", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_what_is_too_old_or_too_new_is_rejected(off: timedelta):
    with pytest.raises(CallbackRejected, match="clock"):
        verify(now=NOW + off)


@pytest.mark.parametrize("name", ["Webhook-Id", "WEBHOOK-TIMESTAMP", "webhook-signature"])
def test_a_missing_header_is_rejected(name: str):
    with pytest.raises(CallbackRejected):
        verify(headers={key: value for key, value in headers().items() if key != name})


@given(st.data())
def test_a_flipped_bit_is_rejected(data: st.DataObject):
    good = headers()
    parts = {**{name: text.encode() for name, text in good.items() if "-" in name}, "body": BODY}
    del parts["Content-Type"]
    name = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.integers(0, len(parts[name]) * 8 - 1))
    flipped = bytearray(parts[name])
    flipped[place // 8] ^= 1 << place % 8
    parts[name] = bytes(flipped)
    body = parts.pop("body")
    with pytest.raises(CallbackRejected):
        verify(headers={key: value.decode("latin-1") for key, value in parts.items()}, body=body)


@pytest.mark.parametrize("body", [b"[]", b"null", b"\xff", b"{}", b'{"type": 1}', b"{"])
def test_what_is_signed_but_no_callback_is_rejected(body: bytes):
    signed = headers()
    signed["webhook-signature"] = sign(SECRET, "wh_1", NOW, body)
    with pytest.raises(CallbackRejected, match="not a callback"):
        verify(headers=signed, body=body)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!", "whsec_c2hvcnQ="])
def test_a_secret_that_is_none_is_a_mistake_of_the_caller(secret: str):
    with pytest.raises(ValueError, match="secret"):
        verify(secrets=secret)
