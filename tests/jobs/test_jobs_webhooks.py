"""Claims about signatures: ours are the standard's, and nothing else counts."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks import Webhook

from jobs.webhooks import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TOLERANCE,
    SignatureRefused,
    check_secret,
    sign,
    verify,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BODY = b'{"id":"evt_1","object":"event","type":"response.completed","data":{"id":"resp_1"}}'


def secret_of(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


SECRET, OTHER = secret_of(b"k" * 24), secret_of(b"o" * 24)

keys = st.binary(min_size=16, max_size=64).map(secret_of)
ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=60)


def headers(signature: str, webhook_id: str = "wh_1", moment: datetime = NOW) -> dict[str, str]:
    return {
        ID_HEADER: webhook_id,
        TIMESTAMP_HEADER: str(int(moment.timestamp())),
        SIGNATURE_HEADER: signature,
    }


@given(keys, ids, st.binary(max_size=500))
def test_what_we_sign_we_accept(secret, webhook_id, body):
    signature = sign(secret, webhook_id, NOW, body)
    assert verify([secret], headers(signature, webhook_id), body, NOW) == webhook_id


@given(keys, ids, st.text(max_size=200))
def test_the_reference_implementation_signs_as_we_do(secret, webhook_id, text):
    reference = Webhook(secret).sign(msg_id=webhook_id, timestamp=NOW, data=text)
    assert reference == sign(secret, webhook_id, NOW, text.encode())


def test_the_sdk_accepts_what_we_sign():
    now = datetime.now(UTC)
    with OpenAI(api_key="emulated") as client:
        signed = headers(sign(SECRET, "wh_1", now, BODY), moment=now)
        event = client.webhooks.unwrap(BODY, signed, secret=SECRET)
        assert event.type == "response.completed"
        with pytest.raises(InvalidWebhookSignatureError):
            client.webhooks.unwrap(BODY, signed, secret=OTHER)


@given(st.data())
def test_one_flipped_bit_anywhere_is_refused(data):
    good = headers(sign(SECRET, "wh_1", NOW, BODY))
    parts = {**{name: text.encode() for name, text in good.items()}, "body": BODY}
    name = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.integers(0, len(parts[name]) * 8 - 1))
    flipped = bytearray(parts[name])
    flipped[place // 8] ^= 1 << place % 8
    parts[name] = bytes(flipped)
    body = parts.pop("body")
    with pytest.raises(SignatureRefused):
        verify([SECRET], {key: value.decode("latin-1") for key, value in parts.items()}, body, NOW)


def test_while_secrets_rotate_either_counts():
    old, new = (sign(each, "wh_1", NOW, BODY) for each in (SECRET, OTHER))
    for ours in ([SECRET], [OTHER], [SECRET, OTHER], [OTHER, SECRET]):
        assert verify(ours, headers(f"{new} {old}"), BODY, NOW) == "wh_1"
    for signature in (old, new):
        assert verify([SECRET, OTHER], headers(signature), BODY, NOW) == "wh_1"
    with pytest.raises(SignatureRefused):
        verify([OTHER], headers(old), BODY, NOW)
    with pytest.raises(SignatureRefused):
        verify([], headers(old), BODY, NOW)


@pytest.mark.parametrize("sense", [1, -1], ids=["early", "late"])
def test_a_clock_may_be_off_by_the_tolerance_and_no_more(sense):
    for off, good in ((TOLERANCE, True), (TOLERANCE + timedelta(seconds=1), False)):
        moment = NOW + sense * off
        signed = headers(sign(SECRET, "wh_1", moment, BODY), moment=moment)
        if good:
            assert verify([SECRET], signed, BODY, NOW)
        else:
            with pytest.raises(SignatureRefused):
                verify([SECRET], signed, BODY, NOW)


@pytest.mark.parametrize("missing", [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER])
def test_a_missing_header_is_refused(missing):
    signed = headers(sign(SECRET, "wh_1", NOW, BODY))
    del signed[missing]
    with pytest.raises(SignatureRefused):
        verify([SECRET], signed, BODY, NOW)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (TIMESTAMP_HEADER, ""),
        (TIMESTAMP_HEADER, "soon"),
        (TIMESTAMP_HEADER, "9" * 30),
        (TIMESTAMP_HEADER, "-" + "9" * 300),
        (TIMESTAMP_HEADER, "nan"),
        (SIGNATURE_HEADER, ""),
        (SIGNATURE_HEADER, "v1,"),
        (SIGNATURE_HEADER, "v1,é"),
        (SIGNATURE_HEADER, sign(SECRET, "wh_1", NOW, BODY).replace("v1,", "v2,")),
        (SIGNATURE_HEADER, sign(SECRET, "wh_1", NOW, BODY).removeprefix("v1,")),
        (ID_HEADER, "wh_2"),
        (ID_HEADER, ""),
    ],
)
def test_a_header_that_is_off_is_refused(name, value):
    signed = headers(sign(SECRET, "wh_1", NOW, BODY)) | {name: value}
    with pytest.raises(SignatureRefused):
        verify([SECRET], signed, BODY, NOW)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_no base64!", "secret", secret_of(b"short")]
)
def test_what_is_no_secret_is_told(secret):
    with pytest.raises(ValueError, match="webhook secret"):
        check_secret(secret)


def test_a_secret_may_come_without_its_prefix():
    check_secret(SECRET.removeprefix("whsec_"))
    assert sign(SECRET.removeprefix("whsec_"), "i", NOW, b"") == sign(SECRET, "i", NOW, b"")
