"""Channels at the door: what may be named, by whom, and what is told of them."""

import dataclasses
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from api.gateway import Gateway
from jobs.status import JobStatus
from settings import CallbackSettings
from tests.api.conftest import TEXT, assert_problem, ended, served, submitted
from tests.installation import HERE

CHANNELS = """
operators = ["ops"]

[channels.ops]
type = "email"
description = "The people on duty"
host = "mail.internal"
user = "backburner"
password = "hush hush"
from = "jobs@example.com"
to = ["ops@example.com"]
on = ["failed"]
domains = ["example.com", "Example.org"]

[channels.anybody]
type = "email"
host = "mail.internal"
security = "none"
from = "jobs@example.com"
domains = ["example.com"]

[channels.team-slack]
type = "apprise"
url = { file = "/run/secrets/slack" }

[channels.others]
type = "apprise"
url = "json://chat.internal/hush"
tenants = ["another"]
"""


def with_channels(gateway: Gateway, folder: Path, text: str = CHANNELS) -> Gateway:
    path = folder / "channels.toml"
    path.write_text(text)
    return dataclasses.replace(
        gateway, callbacks=CallbackSettings(channels_file=path, callback_networks=HERE)
    )


@pytest.fixture
async def api(gateway: Gateway, tmp_path: Path) -> Any:
    async with served(with_channels(gateway, tmp_path)) as client:
        yield client


def asking(*notify: Any) -> dict[str, Any]:
    return {**TEXT, "notify": list(notify)}


async def test_channels_are_listed_without_what_is_behind_them(api: httpx2.AsyncClient):
    reply = await api.get("/api/channels")
    assert [each["name"] for each in reply.json()["channels"]] == ["anybody", "ops", "team-slack"]
    assert reply.json()["channels"][1] == {
        "name": "ops",
        "type": "email",
        "description": "The people on duty",
        "on": ["failed"],
        "domains": ["example.com", "Example.org"],
        "needs_recipients": False,
    }
    assert reply.json()["channels"][0]["needs_recipients"]
    for hidden in ("hush", "internal", "secrets", "ops@"):
        assert hidden not in reply.text


async def test_a_gateway_without_channels_lists_none(gateway: Gateway):
    async with served(gateway) as client:
        assert (await client.get("/api/channels")).json() == {"channels": []}


async def test_a_rule_is_settled_when_the_job_is_submitted(
    api: httpx2.AsyncClient, gateway: Gateway
):
    body = asking("ops", {"channel": "team-slack", "on": ["succeeded", "succeeded"]})
    job_id = await submitted(api, body)
    assert await gateway.db.fetchval("SELECT notify FROM jobs WHERE id = $1", job_id) == [
        {"channel": "ops", "events": ["job.failed"], "to": []},
        {"channel": "team-slack", "events": ["job.succeeded"], "to": []},
    ]


async def test_a_notification_stands_beside_callbacks_in_the_log(
    api: httpx2.AsyncClient, gateway: Gateway
):
    to = ["me@example.com", "you@example.ORG"]
    use = {"channel": "ops", "on": ["canceled"], "to": to}
    job_id = await submitted(api, asking(use) | {"callback_url": "http://127.0.0.1:9/hook"})
    await gateway.temporal.get_workflow_handle(str(job_id)).terminate()
    await ended(gateway, job_id, JobStatus.CANCELED)
    found = (await api.get("/api/callbacks", params={"channel": "ops"})).json()["callbacks"]
    [seen] = found
    assert (seen["channel"], seen["url"], seen["recipients"]) == ("ops", None, to)
    assert (seen["event"], seen["job_id"]) == ("job.canceled", str(job_id))
    of_job = (await api.get(f"/api/jobs/{job_id}/callbacks")).json()["callbacks"]
    assert {each["channel"] for each in of_job} == {None, "ops"}
    again = await api.post(f"/api/callbacks/{seen['callback_id']}/redeliver")
    assert again.status_code == 202


WRONG = {
    "unknown": (["nobody"], "channel_not_found", "/notify/0"),
    "of another tenant": (["ops", "others"], "channel_not_found", "/notify/1"),
    "strange domain": (
        [{"channel": "ops", "to": ["me@example.com.evil"]}],
        "recipient_not_allowed",
        "/notify/0",
    ),
    "subdomain": (
        [{"channel": "ops", "to": ["me@a.example.com"]}],
        "recipient_not_allowed",
        "/notify/0",
    ),
    "no recipients": (["anybody"], "recipient_not_allowed", "/notify/0"),
    "recipients of a chat": (
        [{"channel": "team-slack", "to": ["me@example.com"]}],
        "recipient_not_allowed",
        "/notify/0",
    ),
    "no address": (
        [{"channel": "ops", "to": ["me@example.com\r\nBcc: all@example.com"]}],
        "invalid_payload",
        "/notify/0/to/0",
    ),
    "twice": (["ops", {"channel": "ops"}], "invalid_payload", "/notify/1"),
    "occasion": ([{"channel": "ops", "on": ["sometimes"]}], "invalid_payload", "/notify/0/on/0"),
    "never": ([{"channel": "ops", "on": []}], "invalid_payload", "/notify/0/on"),
    "no name": ([7], "invalid_payload", "/notify/0"),
    "field": ([{"channel": "ops", "when": 1}], "invalid_payload", "/notify/0/when"),
    "many": (["ops"] * 11, "invalid_payload", "/notify"),
}


@pytest.mark.parametrize(("notify", "code", "pointer"), WRONG.values(), ids=WRONG)
async def test_a_mistake_is_pointed_at(
    api: httpx2.AsyncClient, notify: list[Any], code: str, pointer: str
):
    problem = assert_problem(await api.post("/api/jobs", json=asking(*notify)), 422, code)
    assert pointer in [each["pointer"] for each in problem["errors"]]


async def test_a_replay_is_told_from_another_request(
    api: httpx2.AsyncClient, gateway: Gateway, tmp_path: Path
):
    key = {"Idempotency-Key": "one"}
    first = await api.post("/api/jobs", json=asking("ops"), headers=key)
    other = await api.post("/api/jobs", json=asking("team-slack"), headers=key)
    assert_problem(other, 422, "idempotency_key_reused")
    # The administrators change the channel's rule: the same request is still the same.
    changed = CHANNELS.replace('on = ["failed"]', 'on = ["canceled"]')
    async with served(with_channels(gateway, tmp_path, changed)) as later:
        again = await later.post("/api/jobs", json=asking("ops"), headers=key)
    assert again.json()["job_id"] == first.json()["job_id"]


async def test_a_schedule_keeps_the_rule_for_its_jobs(api: httpx2.AsyncClient, gateway: Gateway):
    wanted = {"id": "daily", "job": asking("ops"), "when": {"cron": "0 9 * * *"}}
    made = await api.post("/api/schedules", json=wanted)
    assert made.status_code == 201, made.text
    kept = [{"channel": "ops", "on": ["failed"], "to": []}]
    assert made.json()["job"]["notify"] == kept
    changed = await api.patch("/api/schedules/daily", json={"catch_up_seconds": 60})
    assert changed.json()["job"]["notify"] == kept
    wrong = {**wanted, "id": "other", "job": asking("nobody")}
    problem = assert_problem(await api.post("/api/schedules", json=wrong), 422, "channel_not_found")
    assert problem["errors"][0]["pointer"] == "/job/notify/0"
    await api.delete("/api/schedules/daily")


async def test_a_test_is_written_down(api: httpx2.AsyncClient, gateway: Gateway):
    reply = await api.post("/api/channels/ops/test")
    assert reply.status_code == 202
    assert (reply.json()["event"], reply.json()["channel"]) == ("channel.test", "ops")
    named = await api.post("/api/channels/anybody/test", json={"to": ["me@example.com"]})
    assert named.json()["recipients"] == ["me@example.com"]
    assert_problem(await api.post("/api/channels/anybody/test"), 422, "recipient_not_allowed")
    assert_problem(await api.post("/api/channels/others/test"), 404, "channel_not_found")


BROKEN = {
    "no such file": (None, "No such file"),
    "no TOML": ("[channels", "Expected"),
    "a typing mistake": (CHANNELS.replace("host =", "hosst ="), "channels.ops.email.host"),
    "nobody to send to": (CHANNELS.replace('domains = ["example.com"]', ""), "nobody can get"),
    "an operator's channel that is not there": ("operators = ['ops']", "'ops'"),
    "a password in clear": (
        CHANNELS.replace('user = "backburner"', 'user = "backburner"\nsecurity = "none"'),
        "a password needs",
    ),
    "a field that does not exist": (
        CHANNELS + "[channels.ops.texts.failed]\ntitle = '$nonsense'",
        "nonsense",
    ),
}


@pytest.mark.parametrize(("text", "words"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_makes_no_sense_stops_the_start(tmp_path: Path, text: str | None, words: str):
    path = tmp_path / "channels.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValidationError) as caught:
        CallbackSettings(channels_file=path)
    said = caught.value.errors()[0]["msg"]
    assert "BACKBURNER_CHANNELS_FILE" in said
    assert words in said
    assert "hush" not in str(caught.value)


def test_secrets_do_not_show_when_settings_are_printed(tmp_path: Path):
    path = tmp_path / "channels.toml"
    path.write_text(CHANNELS)
    settings = CallbackSettings(channels_file=path)
    assert "hush" not in repr(settings) + repr(settings.channels) + str(settings.model_dump())
