import asyncio
import dataclasses
import json
import logging
import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from api.notifier import Notifier
from jobs.errors import ServiceUnavailable
from jobs.webhooks import INCOMING_PATH, sign
from settings import GatewaySettings
from storage import inbox
from storage.database import Database
from tests.api.conftest import assert_problem, served

OLD = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"
NEW = "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"
SAMPLE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LIMIT = 256 * 1024


@pytest.fixture
def gateway(gateway):
    return dataclasses.replace(gateway, settings=settings_with(OLD, NEW))


def settings_with(*secrets, **others):
    given = {"openai_webhook_secrets": secrets, "api_tokens": {"t": "team"}, **others}
    return GatewaySettings.model_validate(given)


def event(response_id="resp_1", kind="response.completed"):
    return {
        "id": "evt_1",
        "object": "event",
        "created_at": 1,
        "type": kind,
        "data": {"id": response_id},
    }


def signed(body, *, secret=OLD, webhook_id=None, age=timedelta(0)):
    webhook_id, moment = webhook_id or f"wh_{uuid.uuid4().hex}", datetime.now(UTC) - age
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": sign(secret, webhook_id, moment, body),
    }


async def post(api, body, **how):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await api.post(INCOMING_PATH, content=body, headers=signed(body, **how))


async def notices(gateway):
    rows = await gateway.db.fetch("SELECT webhook_id, response_id, type FROM inbox ORDER BY 1")
    return [tuple(row) for row in rows]


@pytest.fixture
async def told(database_url):
    """What a worker's connection hears."""
    queue: asyncio.Queue[str] = asyncio.Queue()
    connection = await asyncpg.connect(database_url)
    await connection.add_listener(inbox.CHANNEL, lambda *said: queue.put_nowait(str(said[-1])))
    yield queue
    await connection.close()


class Heard:
    """The ids a worker is told of, without the word that some may have been missed."""

    def __init__(self, told):
        self._told = told

    async def get(self):
        while not (payload := await self._told.get()):
            continue
        return payload.split(",")

    def empty(self):
        return self._told.empty()


@pytest.fixture
def heard(told):
    return Heard(told)


@pytest.mark.parametrize("secret", [OLD, NEW], ids=["old", "new"])
async def test_a_notice_is_written_down_and_told_under_either_secret(api, gateway, heard, secret):
    reply = await post(api, event("resp_7"), secret=secret, webhook_id="wh_7")
    assert (reply.status_code, reply.content) == (204, b"")
    assert await notices(gateway) == [("wh_7", "resp_7", "response.completed")]
    assert await heard.get() == ["resp_7"]


async def test_a_repeated_delivery_is_one_row_and_told_again(api, gateway, heard):
    for _ in range(3):
        assert (await post(api, event(), webhook_id="wh_1")).status_code == 204
        assert await heard.get() == ["resp_1"]
    assert len(await notices(gateway)) == 1


async def test_other_events_are_answered_and_ignored(api, gateway):
    for kind in ("batch.completed", "agent.environment.expired", "never.heard.of", "", "responses"):
        assert (await post(api, event(kind=kind))).status_code == 204
    assert (await post(api, {"type": "eval.run.failed"})).status_code == 204
    assert await notices(gateway) == []


async def test_a_kind_of_response_event_that_is_new_to_us_is_a_hint_too(api, gateway):
    assert (await post(api, event(kind="response.paused"), webhook_id="w")).status_code == 204
    assert await notices(gateway) == [("w", "resp_1", "response.paused")]


GARBAGE = {
    "nothing": b"",
    "no JSON": b"\xff\xfe{",
    "a list": b"[]",
    "no type": {"data": {"id": "resp_1"}},
    "a number as type": event(kind=7),
    "no data": {"type": "response.completed"},
    "null as data": {"type": "response.completed", "data": None},
    "a number as id": event(7),
    "an empty id": event(""),
    "an id with NUL": event("resp_\0"),
    "half a character": b'{"type": "response.completed", "data": {"id": "resp_\\ud800"}}',
    "two ids in one": event("resp_1,resp_2"),
    "an endless id": event("r" * 8000),
    "a type with NUL": event(kind="response.\0"),
    "depth": b"[" * 100_000,
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
async def test_signed_garbage_is_answered_so_that_it_is_not_sent_for_days(
    api, gateway, caplog, body
):
    assert (await post(api, body, webhook_id="wh_odd")).status_code == 204
    assert await notices(gateway) == []
    [line] = [each for each in caplog.records if each.name == "api.routes.openai_webhook"]
    assert line.levelno == logging.WARNING
    assert "wh_odd" in line.getMessage()


async def test_what_is_not_signed_by_us_is_refused_whatever_it_is(api, gateway):
    body = json.dumps(event()).encode()
    good = signed(body)
    stranger = signed(body, secret=SAMPLE)
    for headers in (
        {},
        stranger,
        signed(body, age=timedelta(minutes=6)),
        signed(body, age=timedelta(minutes=-6)),
        {"authorization": "Bearer t"},
        *({name: text for name, text in good.items() if name != gone} for gone in good),
    ):
        reply = await api.post(INCOMING_PATH, content=body, headers=headers)
        assert_problem(reply, 401, "webhook_refused")
        assert "Bearer" not in reply.headers["www-authenticate"]
    changed = await api.post(INCOMING_PATH, content=body + b" ", headers=good)
    assert_problem(changed, 401, "webhook_refused")
    assert await notices(gateway) == []
    assert (await api.post(INCOMING_PATH, content=body, headers=good)).status_code == 204


async def test_no_secret_refuses_everything_and_says_so(gateway):
    bare = dataclasses.replace(gateway, settings=GatewaySettings())
    async with served(bare) as api:
        problem = assert_problem(await post(api, event()), 401, "webhook_refused")
    assert "BACKBURNER_OPENAI_WEBHOOK_SECRETS" in problem["detail"]


async def test_a_body_has_a_limit_of_its_own(api, gateway):
    body = b" " * (LIMIT + 1)
    assert_problem(await post(api, body), 413, "request_too_large")

    async def pieces():
        for _ in range(5):
            yield b" " * (LIMIT // 4)

    assert_problem(await api.post(INCOMING_PATH, content=pieces()), 413, "request_too_large")
    assert (await post(api, json.dumps(event()).encode().ljust(LIMIT))).status_code == 204
    assert len(await notices(gateway)) == 1


async def test_while_postgres_is_away_openai_is_asked_to_repeat(gateway):
    class Away:
        async def fetchval(self, *_):
            raise ServiceUnavailable("Postgres does not answer")

    async with served(dataclasses.replace(gateway, db=Away())) as api:
        reply = await post(api, event())
    assert_problem(reply, 503, "service_unavailable")
    assert int(reply.headers["retry-after"]) > 0


async def test_only_post_is_taken(api):
    assert_problem(await api.get(INCOMING_PATH), 405, "method_not_allowed")


class Gated(Database):
    """A database whose statements wait for the gate; the first ones may fail."""

    def __init__(self, db, failures=0):
        self.db, self.failures = db, failures
        self.gate, self.asked = asyncio.Event(), asyncio.Event()

    async def execute(self, *statement):
        self.asked.set()
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise ServiceUnavailable("gone")
        await self.db.execute(*statement)


async def test_ids_that_come_while_others_are_told_go_together(gateway, heard):
    db = Gated(gateway.db)
    async with (notifier := Notifier(db)).running():
        notifier.tell("first")
        await db.asked.wait()
        for response_id in ("second", "third", "second"):
            notifier.tell(response_id)
        db.gate.set()
        assert await heard.get() == ["first"]
        assert await heard.get() == ["second", "third"]
    assert heard.empty()


async def test_a_crowd_of_ids_fits_into_notifications(gateway, heard):
    ids = [f"resp_{number:060}" for number in range(1000)]
    async with (notifier := Notifier(gateway.db)).running():
        for response_id in ids:
            notifier.tell(response_id)
        came: list[str] = []
        while len(came) < len(ids):
            came += await heard.get()
    assert came == ids


async def test_who_waits_looks_for_itself_when_a_gateway_starts(gateway, told):
    async with (notifier := Notifier(gateway.db)).running():
        assert await told.get() == ""
        notifier.tell("resp_1")
        assert await told.get() == "resp_1"
        notifier.tell("resp_2")
        assert await told.get() == "resp_2"


async def test_an_outage_loses_notices_and_not_the_notifier(gateway, told, caplog):
    db = Gated(gateway.db, failures=1)
    async with (notifier := Notifier(db)).running():
        notifier.tell("lost")
        await db.asked.wait()
        notifier.tell("told")
        db.gate.set()
        assert [await told.get(), await told.get()] == ["", "told"]
    assert "not told of 1 notices: gone" in caplog.text


class Defective(Gated):
    """Meets an error that nobody thought of, once."""

    async def execute(self, *statement):
        if not self.asked.is_set():
            self.asked.set()
            raise RuntimeError("a defect")
        await self.db.execute(*statement)


async def test_a_defect_loses_notices_and_not_the_notifier(gateway, heard, caplog):
    db = Defective(gateway.db)
    async with (notifier := Notifier(db)).running():
        notifier.tell("lost")
        await db.asked.wait()
        notifier.tell("told")
        async with asyncio.timeout(10):
            assert await heard.get() == ["told"]
    assert "RuntimeError: a defect" in caplog.text


async def test_what_is_left_is_told_before_the_gateway_ends(gateway, heard):
    async with (notifier := Notifier(gateway.db)).running():
        notifier.tell("last")
    assert await heard.get() == ["last"]


def test_production_refuses_a_sample_secret():
    assert settings_with(OLD, environment="production")
    with pytest.raises(ValueError, match="sample secret"):
        settings_with(OLD, SAMPLE, environment="production")


def test_secrets_come_as_a_json_list_and_are_never_shown(monkeypatch):
    monkeypatch.setenv("BACKBURNER_OPENAI_WEBHOOK_SECRETS", json.dumps([OLD, NEW]))
    settings = GatewaySettings()
    assert [each.get_secret_value() for each in settings.openai_webhook_secrets] == [OLD, NEW]
    assert OLD not in repr(settings)


@pytest.mark.parametrize("secret", ["", "whsec_", "not base64", "whsec_c2hvcnQ="])
def test_what_cannot_be_a_secret_is_refused_at_the_start(secret):
    with pytest.raises(ValueError, match="a webhook secret"):
        settings_with(secret)
