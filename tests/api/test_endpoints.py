"""Endpoints: registered, changed, rotated, tested, recovered, and nobody else's business."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from api.gateway import Gateway
from settings import CallbackSettings, GatewaySettings
from storage import endpoints
from tests.api.conftest import assert_problem, ended, served, submitted
from tests.installation import HERE, TENANT

URL = "http://127.0.0.1:9/hook"
MISSING = "7b0f4f2e-7d52-4b51-9b43-0c6f1f6f5a10"


async def created(api: httpx2.AsyncClient, **more: Any) -> dict[str, Any]:
    reply = await api.post("/api/endpoints", json={"url": URL} | more)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_a_secret_is_shown_when_an_endpoint_is_made_and_never_again(api):
    made = await created(api, description="Billing", events=["job.failed"])
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    seen = await api.get(f"/api/endpoints/{made['endpoint_id']}")
    assert seen.json() == made
    assert (await api.get("/api/endpoints")).json() == {"endpoints": [made]}
    assert (made["enabled"], made["disabled_reason"]) == (True, None)


async def test_a_dump_of_the_database_holds_no_secret(api, gateway):
    made = await created(api)
    rows = await gateway.db.fetch("SELECT * FROM signing_secrets")
    assert len(rows) == 1
    assert made["secret"].removeprefix("whsec_") not in str(rows)


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"url": "http://10.0.0.1/"}, "callback_refused", "/url"),
        ({"url": "ftp://example.com/"}, "callback_refused", "/url"),
        ({}, "invalid_payload", "/url"),
        ({"url": URL, "events": ["job.exploded"]}, "invalid_payload", "/events/0"),
        ({"url": URL, "colour": "red"}, "invalid_payload", "/colour"),
        ({"url": URL, "description": "a\0"}, "invalid_payload", "/description"),
    ],
)
async def test_what_cannot_be_an_endpoint_is_refused(api, body, code, pointer):
    problem = assert_problem(await api.post("/api/endpoints", json=body), 422, code)
    assert problem["errors"][0]["pointer"] == pointer


async def test_plain_http_is_refused_in_production(gateway):
    settings = CallbackSettings(callback_networks=HERE).model_copy(
        update={"environment": "production"}
    )
    async with served(dataclasses.replace(gateway, callbacks=settings)) as api:
        reply = await api.post("/api/endpoints", json={"url": URL})
        assert "http is refused" in assert_problem(reply, 422, "callback_refused")["detail"]
        reply = await api.post("/api/endpoints", json={"url": "https://example.com:25/"})
        assert "port 25" in assert_problem(reply, 422, "callback_refused")["detail"]


async def test_there_are_only_so_many_endpoints(api, monkeypatch):
    monkeypatch.setattr(endpoints, "MOST", 2)
    await created(api)
    first = await created(api)
    reply = await api.post("/api/endpoints", json={"url": URL})
    assert_problem(reply, 409, "too_many_endpoints")
    await api.delete(f"/api/endpoints/{first['endpoint_id']}")
    await created(api)


async def test_an_endpoint_is_changed_field_by_field(api):
    made = await created(api, events=["job.failed"], description="Billing")
    path = f"/api/endpoints/{made['endpoint_id']}"
    changed = (await api.patch(path, json={"description": "Books"})).json()
    assert (changed["description"], changed["events"]) == ("Books", ["job.failed"])
    changed = (await api.patch(path, json={"events": [], "include_children": True})).json()
    assert (changed["events"], changed["include_children"]) == ([], True)
    reply = await api.patch(path, json={"url": "http://169.254.169.254/"})
    assert_problem(reply, 422, "callback_refused")


async def test_a_disabled_endpoint_says_why_and_gets_nothing(api, gateway):
    made = await created(api)
    path = f"/api/endpoints/{made['endpoint_id']}"
    changed = (await api.patch(path, json={"enabled": False})).json()
    assert (changed["enabled"], changed["disabled_reason"]) == (False, "by_owner")
    assert changed["disabled_at"] is not None
    assert_problem(await api.post(f"{path}/test"), 409, "endpoint_disabled")
    job_id = await submitted(api)
    await ended(gateway, job_id)
    [callback] = (await api.get(f"/api/jobs/{job_id}/callbacks")).json()["callbacks"]
    assert (callback["status"], callback["last_error"]) == ("abandoned", "endpoint_disabled")
    again = await api.post(f"/api/callbacks/{callback['callback_id']}/redeliver")
    assert_problem(again, 409, "endpoint_disabled")


async def test_what_was_missed_is_recovered(api, gateway):
    made = await created(api, enabled=False)
    path = f"/api/endpoints/{made['endpoint_id']}"
    for _ in range(3):
        await ended(gateway, await submitted(api))
    await api.patch(path, json={"enabled": True})
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    long_ago = {"since": (now - 2 * hour).isoformat(), "until": (now - hour).isoformat()}
    assert (await api.post(f"{path}/recover", json=long_ago)).json() == {"callbacks": 0}
    reply = await api.post(f"{path}/recover", json={"since": (now - hour).isoformat()})
    assert (reply.status_code, reply.json()) == (202, {"callbacks": 3})
    pending = (await api.get("/api/callbacks", params={"status": "pending"})).json()["callbacks"]
    assert len(pending) == 3
    reply = await api.post(f"{path}/recover", json={"since": (now - hour).isoformat()})
    assert reply.json() == {"callbacks": 0}


async def test_a_deleted_endpoint_is_gone_with_its_secret_but_its_log_stays(api, gateway):
    made = await created(api)
    path = f"/api/endpoints/{made['endpoint_id']}"
    await ended(gateway, await submitted(api))
    assert (await api.delete(path)).status_code == 204
    for method, at in (("GET", path), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/test")):
        reply = await api.request(method, at, json={} if method == "PATCH" else None)
        assert_problem(reply, 404, "endpoint_not_found")
    assert await gateway.db.fetchval("SELECT count(*) FROM signing_secrets") == 0
    [callback] = (await api.get("/api/callbacks")).json()["callbacks"]
    assert callback["status"] == "abandoned"
    await ended(gateway, await submitted(api))
    assert len((await api.get("/api/callbacks")).json()["callbacks"]) == 1


async def test_a_secret_is_replaced_with_an_overlap(api):
    made = await created(api)
    path = f"/api/endpoints/{made['endpoint_id']}/rotate-secret"
    reply = await api.post(path)
    rotated = reply.json()
    assert reply.status_code == 200
    assert rotated["secret"] != made["secret"]
    left = datetime.fromisoformat(rotated["previous_expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert_problem(await api.post(path, json={}), 409, "rotation_under_way")
    forced = (await api.post(path, json={"force": True})).json()
    assert forced["secret"] not in (made["secret"], rotated["secret"])
    at_once = {"force": True, "expire_previous_after_seconds": 0}
    assert (await api.post(path, json=at_once)).json()["previous_expires_at"] is None
    too_long = {"expire_previous_after_seconds": 8 * 86_400}
    assert_problem(await api.post(path, json=too_long), 422, "invalid_payload")


async def test_the_secret_of_the_tenant_can_be_read_and_replaced(api):
    first = (await api.get("/api/callback-secret")).json()
    assert (await api.get("/api/callback-secret")).json() == first
    assert first["previous_expires_at"] is None
    second = (await api.post("/api/callback-secret/rotate")).json()
    assert second["secret"] != first["secret"]
    assert (await api.get("/api/callback-secret")).json() == second
    assert_problem(await api.post("/api/callback-secret/rotate"), 409, "rotation_under_way")


async def test_a_test_is_written_to_the_log(api):
    made = await created(api, events=["job.failed"])
    reply = await api.post(f"/api/endpoints/{made['endpoint_id']}/test")
    assert reply.status_code == 202
    callback = reply.json()
    assert (callback["event"], callback["status"]) == ("endpoint.test", "pending")
    seen = (await api.get(f"/api/callbacks/{callback['callback_id']}")).json()
    assert seen["attempts"] == []
    assert seen["url"] == URL


async def test_nobody_sees_endpoints_and_callbacks_of_others(gateway: Gateway):
    settings = GatewaySettings(api_tokens={"a-token": "default", "b-token": "other"})
    async with served(dataclasses.replace(gateway, settings=settings)) as api:
        mine = {"Authorization": "Bearer a-token"}
        others = {"Authorization": "Bearer b-token"}
        reply = await api.post("/api/endpoints", json={"url": URL}, headers=mine)
        path = f"/api/endpoints/{reply.json()['endpoint_id']}"
        callback = (await api.post(f"{path}/test", headers=mine)).json()
        log = f"/api/callbacks/{callback['callback_id']}"
        span = {"since": "2026-01-01T00:00:00Z"}
        for method, at, body in (
            ("GET", path, None),
            ("PATCH", path, {"enabled": False}),
            ("DELETE", path, None),
            ("POST", f"{path}/rotate-secret", None),
            ("POST", f"{path}/test", None),
            ("POST", f"{path}/recover", span),
        ):
            reply = await api.request(method, at, json=body, headers=others)
            assert_problem(reply, 404, "endpoint_not_found")
        for method, at in (("GET", log), ("POST", f"{log}/redeliver")):
            reply = await api.request(method, at, headers=others)
            assert_problem(reply, 404, "callback_not_found")
        assert (await api.get("/api/endpoints", headers=others)).json() == {"endpoints": []}
        assert (await api.get("/api/callbacks", headers=others)).json()["callbacks"] == []
        theirs = (await api.get("/api/callback-secret", headers=others)).json()
        assert theirs != (await api.get("/api/callback-secret", headers=mine)).json()
    found = await endpoints.all_of(gateway.db, TENANT)
    assert [each.enabled for each in found] == [True]


async def test_of_rotations_at_once_each_one_counts_or_is_refused(api):
    async def rotated():
        return await api.post("/api/callback-secret/rotate", json={"force": True})

    replies = await asyncio.gather(*(rotated() for _ in range(6)))
    assert {each.status_code for each in replies} <= {200, 409}
    shown = (await api.get("/api/callback-secret")).json()["secret"]
    assert shown in [each.json()["secret"] for each in replies if each.status_code == 200]


async def test_of_two_changes_at_once_both_last(api):
    path = f"/api/endpoints/{(await created(api))['endpoint_id']}"
    for number in range(5):
        changes = ({"description": f"{number}"}, {"enabled": number % 2 == 1})
        await asyncio.gather(*(api.patch(path, json=each) for each in changes))
        found = (await api.get(path)).json()
        assert (found["description"], found["enabled"]) == (f"{number}", number % 2 == 1)
