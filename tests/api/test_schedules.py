import asyncio
import dataclasses
import hashlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import ScheduleUpdate
from temporalio.service import RPCError, RPCStatusCode

from api.paging import to_signed_cursor
from settings import CallbackSettings
from storage.schedules import Address, NoSuchPage, page
from tests.api.conftest import TEXT, assert_problem, served, with_settings, without_temporal
from tests.installation import TENANT, eventually

NINE = {"cron": "0 9 * * *", "time_zone": "Europe/Berlin"}
DAILY = {"id": "daily", "job": TEXT, "when": NINE}


@pytest.fixture(autouse=True)
async def swept(gateway):
    """Schedules outlive their test on the shared server unless they are deleted."""
    yield
    handles = await gateway.temporal.list_schedules(f"ScheduleId STARTS_WITH '{gateway.queue}:'")
    async for each in handles:
        await gateway.temporal.get_schedule_handle(each.id).delete()


async def made(api, **terms):
    reply = await api.post("/api/schedules", json={**DAILY, **terms})
    assert reply.status_code == 201, reply.text
    return reply.json()


async def test_a_schedule_is_made_and_shows_its_next_runs(api):
    reply = await api.post("/api/schedules", json=DAILY)
    found = reply.json()
    assert reply.status_code == 201
    assert reply.headers["location"] == "/api/schedules/daily" == found["links"]["self"]
    assert found["schedule_id"] == "daily"
    options = found["job"]["options"]
    implied = {"options": options, "labels": {}, "callback_url": None, "notify": []}
    assert found["job"] == {**TEXT, **implied}
    assert found["when"]["cron"] == ["0 9 * * *"]
    assert (found["overlap"], found["catch_up_seconds"]) == ("skip", 3600)
    assert len(found["next_runs"]) == 10
    assert found["last_runs"] == []
    assert found["counts"] == {"started": 0, "missed": 0, "skipped": 0, "waiting": 0}
    assert "/namespaces/default/schedules/q-" in found["links"]["temporal_ui"]
    assert (await api.get("/api/schedules/daily")).json() == found


async def test_its_next_runs_are_those_of_the_preview(api):
    found = await made(api)
    tried = await api.post("/api/schedules/preview", json={"when": NINE})
    later = await api.get("/api/schedules/daily/preview", params={"count": 10})
    assert [each["at"] for each in tried.json()["runs"]] == found["next_runs"]
    assert tried.json() == later.json()
    assert all("T09:00:00+0" in each["local"] for each in tried.json()["runs"])


@pytest.mark.parametrize("after", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_preview_refuses_times_nobody_reckons_with(api, after):
    reply = await api.post("/api/schedules/preview", json={"when": NINE, "after": after})
    assert assert_problem(reply, 422, "invalid_payload")["errors"][0]["pointer"] == "/after"


async def test_a_preview_makes_nothing(api):
    body = {"when": {"intervals": [{"every_seconds": 300}]}, "after": "2026-11-22T10:01:00Z"}
    reply = await api.post("/api/schedules/preview", json={**body, "count": 2})
    assert [each["at"] for each in reply.json()["runs"]] == [
        "2026-11-22T10:05:00Z",
        "2026-11-22T10:10:00Z",
    ]
    assert (await api.get("/api/schedules")).json() == {"schedules": [], "next": None}


async def test_every_kind_of_time_and_policy_comes_back_as_it_was_given(api):
    when: dict[str, Any] = {
        "cron": ["0 9 * * MON-FRI", "@weekly"],
        "intervals": [{"every_seconds": 7200, "offset_seconds": 900}],
        "calendars": [{"hour": "6,18", "day_of_month": "1-7", "year": "2027/2"}],
        "skip": [{"month": "12", "day_of_month": "24-26", "hour": "*", "minute": "*"}],
        "time_zone": "America/New_York",
        "jitter_seconds": 20,
        "start_at": "2026-12-01T00:00:00Z",
        "end_at": "2028-01-01T00:00:00Z",
    }
    terms = {"overlap": "buffer_all", "catch_up_seconds": 60, "pause_on_failure": True}
    more = {"remaining_runs": 7, "paused": True, "note": "from January on"}
    found = await made(api, when=when, **terms, **more)
    assert {name: found[name] for name in (*terms, *more)} == terms | more
    shown = found["when"]
    assert shown["cron"] == when["cron"]
    assert shown["intervals"] == when["intervals"]
    assert shown["calendars"][0].items() >= when["calendars"][0].items()
    assert shown["skip"][0].items() >= when["skip"][0].items()
    assert shown["end_at"] == when["end_at"]


def wrong(**terms):
    return {**DAILY, **terms}


MISTAKES = {
    "bad cron": (wrong(when={"cron": "61 * * * *"}), "/when/cron", "minute: 61"),
    "second cron bad": (wrong(when={"cron": ["0 9 * * *", "x"]}), "/when/cron/1", "fields"),
    "cron with zone": (wrong(when={"cron": "TZ=UTC 0 9 * * *"}), "/when/cron", "time_zone"),
    "unknown zone": (wrong(when={**NINE, "time_zone": "Mars/Base"}), "/when/time_zone", "IANA"),
    "bad field": (wrong(when={"calendars": [{"hour": "25"}]}), "/when/calendars/0/hour", "25"),
    "no time": (wrong(when={}), "/when", "at least one"),
    "never": (wrong(when={"cron": "0 0 31 2 *"}), "/when", "never"),
    "over": (wrong(when={**NINE, "end_at": "2020-01-01T00:00:00Z"}), "/when", "never"),
    "all skipped": (
        wrong(when={"cron": "* * * * *", "skip": [{"hour": "*", "minute": "*"}]}),
        "/when/skip",
        "leaves out",
    ),
    "before 1970": (
        wrong(when={**NINE, "start_at": "0001-01-01T00:00:00Z"}),
        "/when/start_at",
        "1970",
    ),
    "too frequent": (wrong(when={"cron": "*/10 * * * * * *"}), "/when", "60 s"),
    "offset": (
        wrong(when={"intervals": [{"every_seconds": 60, "offset_seconds": 60}]}),
        "/when/intervals/0",
        "less than",
    ),
    "payload": (wrong(job={**TEXT, "payload": {}}), "/job/payload/text", "required"),
    "payload field": (
        wrong(job={**TEXT, "payload": {"text": "a", "x": 1}}),
        "/job/payload/x",
        "not permitted",
    ),
    "reserved label": (
        wrong(job={**TEXT, "labels": {"backburner.schedule": "x"}}),
        "/job/labels/backburner.schedule",
        "reserved",
    ),
    "big": (wrong(job={**TEXT, "payload": {"text": "x" * 70_000}}), "/job", "document"),
    "overlap": (wrong(overlap="maybe"), "/overlap", "Input"),
    "catch up": (wrong(catch_up_seconds=3), "/catch_up_seconds", "10"),
    "id": (wrong(id="a:b"), "/id", "pattern"),
    "unknown": (wrong(every=5), "/every", "not permitted"),
}


@pytest.mark.parametrize(("body", "pointer", "words"), MISTAKES.values(), ids=MISTAKES)
async def test_a_mistake_is_pointed_at(api, body, pointer, words):
    reply = await api.post("/api/schedules", json=body)
    problem = assert_problem(reply, 422, "invalid_payload")
    [mistake] = problem["errors"]
    assert mistake["pointer"] == pointer
    assert words in mistake["detail"]


async def test_a_callback_that_would_not_be_sent_is_refused(api):
    told = {**TEXT, "callback_url": "https://user:word@a.example"}
    assert_problem(await api.post("/api/schedules", json=wrong(job=told)), 422, "callback_refused")


async def test_a_job_of_an_unknown_type_is_refused(api):
    reply = await api.post("/api/schedules", json=wrong(job={"type": "nope", "payload": {}}))
    assert_problem(reply, 404, "unknown_job_type")


async def test_a_name_is_taken_once(api):
    await made(api)
    assert_problem(await api.post("/api/schedules", json=DAILY), 409, "schedule_exists")


@pytest.mark.parametrize("name", ["daily", None])
async def test_a_repeated_request_with_a_key_finds_its_schedule(api, name):
    body, headers = {**DAILY, "id": name}, {"Idempotency-Key": "once"}
    first = await api.post("/api/schedules", json=body, headers=headers)
    again = await api.post("/api/schedules", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    other = await api.post("/api/schedules", json={**body, "overlap": "skip"}, headers=headers)
    assert other.status_code == 200, "spelling out a default changes nothing"
    other = await api.post("/api/schedules", json={**body, "paused": True}, headers=headers)
    assert_problem(other, 422, "idempotency_key_reused")


async def test_a_repeated_request_is_answered_though_it_would_be_refused_by_now(gateway):
    job = {**TEXT, "callback_url": "http://127.0.0.1:9/hook"}
    body, headers = {**DAILY, "job": job}, {"Idempotency-Key": "once"}
    async with served(gateway) as api:
        first = await api.post("/api/schedules", json=body, headers=headers)
    strict = dataclasses.replace(gateway, callbacks=CallbackSettings())  # none to private networks
    async with served(strict) as api:
        again = await api.post("/api/schedules", json=body, headers=headers)
        assert (again.status_code, again.json()) == (200, first.json())
        assert_problem(await api.post("/api/schedules", json=body), 422, "callback_refused")


async def test_schedules_are_listed_newest_first_and_page_by_page(api):
    for number in range(5):
        await made(api, id=f"s{number}")

    async def listed():
        return [
            each["schedule_id"] for each in (await api.get("/api/schedules")).json()["schedules"]
        ]

    assert await eventually(listed, lambda ids: len(ids) == 5) == ["s4", "s3", "s2", "s1", "s0"]
    found, link = [], "/api/schedules?limit=2"
    while link:
        reply = await api.get(link)
        found += [each["schedule_id"] for each in reply.json()["schedules"]]
        link = reply.links.get("next", {}).get("url")
    assert found == ["s4", "s3", "s2", "s1", "s0"]
    for cursor in ("!", "bm9uZQ=="):
        reply = await api.get("/api/schedules", params={"cursor": cursor})
        assert_problem(reply, 400, "invalid_request")
    assert_problem(await api.get("/api/schedules?paused=true"), 400, "invalid_request")


async def test_a_cursor_that_was_made_up_is_refused(api, gateway):
    [key], owner = gateway.secret_keys, f"{gateway.queue}:default:"
    forged = [
        to_signed_cursor(b"", owner, "another key"),
        to_signed_cursor(b"", f"{gateway.queue}:other:", key),
        urlsafe_b64encode(hashlib.sha256(owner.encode()).digest()[:8]).decode(),
    ]
    for cursor in forged:
        reply = await api.get("/api/schedules", params={"cursor": cursor})
        problem = assert_problem(reply, 400, "invalid_request")
        assert problem["errors"][0]["parameter"] == "cursor"
    own = to_signed_cursor(b"", owner, key)
    assert (await api.get("/api/schedules", params={"cursor": own})).status_code == 200


async def test_a_page_that_temporal_does_not_know_is_told_from_its_other_refusals():
    class Refusing:
        namespace = "default"

        @property
        def workflow_service(self):
            return self

        async def list_schedules(self, *_, **__):
            raise RPCError("no", RPCStatusCode.INVALID_ARGUMENT, b"")

    client: Any = Refusing()
    at = Address(client, "queue", TENANT)
    with pytest.raises(NoSuchPage):
        await page(at, limit=1, token=b"garbage")
    with pytest.raises(RPCError):
        await page(at, limit=1, token=b"")


async def test_tenants_neither_see_nor_touch_each_others_schedules(gateway):
    theirs = with_settings(gateway, api_tokens={"token-a": "a_b", "token-b": "axb"})
    async with served(theirs) as api:
        a, b = ({"Authorization": f"Bearer token-{each}"} for each in "ab")
        for tenant in (a, b):
            assert (await api.post("/api/schedules", json=DAILY, headers=tenant)).is_success
        assert (await api.delete("/api/schedules/daily", headers=b)).status_code == 204
        assert (await api.get("/api/schedules/daily", headers=a)).is_success
        own = {**DAILY, "id": "own"}
        assert (await api.post("/api/schedules", json=own, headers=a)).is_success

        async def listed():
            return (await api.get("/api/schedules", headers=a)).json()["schedules"]

        await eventually(listed, lambda found: len(found) == 2)
        assert (await api.get("/api/schedules", headers=b)).json()["schedules"] == []
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/preview", None),
            ("PATCH", "", {"overlap": "skip"}),
            ("DELETE", "", None),
            ("POST", "/pause", {}),
            ("POST", "/resume", {}),
            ("POST", "/trigger", {}),
            ("POST", "/backfill", {"start_at": "2026-11-01T00:00:00Z"}),
        ):
            reply = await api.request(method, f"/api/schedules/own{path}", json=body, headers=b)
            assert_problem(reply, 404, "schedule_not_found")


async def test_pausing_and_resuming_keep_their_notes(api):
    await made(api)
    for verb, paused in (("pause", True), ("pause", True), ("resume", False)):
        reply = await api.post(f"/api/schedules/daily/{verb}", json={"note": f"to {verb}"})
        assert (reply.json()["paused"], reply.json()["note"]) == (paused, f"to {verb}")
    assert (await api.post("/api/schedules/daily/pause")).json()["paused"] is True


async def test_a_change_merges_and_leaves_the_rest_alone(api):
    await made(api, paused=True, note="not yet", remaining_runs=3)
    patch = {"when": {"cron": "30 10 * * *"}, "overlap": "allow_all"}
    found = (await api.patch("/api/schedules/daily", json=patch)).json()
    assert found["when"]["cron"] == ["30 10 * * *"]
    assert found["when"]["time_zone"] == "Europe/Berlin"
    assert (found["overlap"], found["paused"], found["note"]) == ("allow_all", True, "not yet")
    assert found["remaining_runs"] == 3
    assert found["updated_at"]
    assert found["next_runs"] == []
    more = {"job": {"payload": {"text": "Other words."}}, "remaining_runs": None, "overlap": None}
    found = (await api.patch("/api/schedules/daily", json=more)).json()
    assert found["job"]["payload"] == {"text": "Other words."}
    assert (found["remaining_runs"], found["overlap"]) == (None, "skip")


async def test_a_schedule_without_runs_left_can_be_changed_and_given_some(api, gateway):
    await made(api, remaining_runs=1)
    handle = gateway.temporal.get_schedule_handle(f"{gateway.queue}:default:daily")

    def used_up(given):
        given.description.schedule.state.remaining_actions = 0
        return ScheduleUpdate(schedule=given.description.schedule)

    await handle.update(used_up)
    changed = await api.patch("/api/schedules/daily", json={"overlap": "allow_all"})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["overlap"], changed.json()["remaining_runs"]) == ("allow_all", 0)
    given = await api.patch("/api/schedules/daily", json={"remaining_runs": 3})
    assert given.json()["remaining_runs"] == 3
    freed = await api.patch("/api/schedules/daily", json={"remaining_runs": None})
    assert freed.json()["remaining_runs"] is None


async def test_a_change_that_makes_no_sense_is_refused(api):
    await made(api)
    for patch, pointer in (
        ({"when": {"time_zone": "Nowhere"}}, "/when/time_zone"),
        ({"job": {"payload": {"text": None}}}, "/job/payload/text"),
        ({"when": {"cron": None}}, "/when"),
        ({"paused": True}, "/paused"),
    ):
        problem = assert_problem(
            await api.patch("/api/schedules/daily", json=patch), 422, "invalid_payload"
        )
        assert [each["pointer"] for each in problem["errors"]] == [pointer]


async def test_of_two_changes_at_once_none_is_lost_silently(api):
    await made(api)
    patches: list[dict[str, Any]] = [{"catch_up_seconds": 100}, {"overlap": "allow_all"}]
    replies = await asyncio.gather(
        *(api.patch("/api/schedules/daily", json=each) for each in patches)
    )
    assert {each.status_code for each in replies} <= {200, 409}
    found = (await api.get("/api/schedules/daily")).json()
    for reply, patch in zip(replies, patches, strict=True):
        if reply.status_code == 200:
            assert found.items() >= patch.items()


async def test_a_deleted_schedule_is_gone_and_its_name_free(api):
    await made(api)
    assert (await api.delete("/api/schedules/daily")).status_code == 204
    assert_problem(await api.get("/api/schedules/daily"), 404, "schedule_not_found")
    assert_problem(await api.delete("/api/schedules/daily"), 404, "schedule_not_found")
    await made(api)


async def test_a_backfill_needs_runs_in_a_span_of_the_past(api):
    await made(api)
    now = datetime.now(UTC)

    async def backfilled(days_ago, days, **more):
        start = now - timedelta(days=days_ago)
        body = {"start_at": start.isoformat(), "end_at": (start + timedelta(days=days)).isoformat()}
        return await api.post("/api/schedules/daily/backfill", json=body | more)

    taken = await backfilled(3.5, 2)
    assert (taken.status_code, taken.json()) == (202, {"schedule_id": "daily", "times": 2})
    for span, pointer in (((3, -1), "/end_at"), ((3, 4), "/end_at"), ((3, 0.001), "/start_at")):
        reply = await backfilled(*span)
        if reply.status_code != 202:  # a run may lie in the last, tiny span
            problem = assert_problem(reply, 422, "invalid_payload")
            assert problem["errors"][0]["pointer"] == pointer
    problem = assert_problem(await backfilled(2000, 1999), 422, "invalid_payload")
    assert "1000" in problem["detail"]
    body = {"start_at": "0001-01-01T00:00:00Z"}
    reply = await api.post("/api/schedules/daily/backfill", json=body)
    assert "1970" in assert_problem(reply, 422, "invalid_payload")["errors"][0]["detail"]


async def test_without_temporal_schedules_are_unavailable_and_previews_work(gateway):
    async with served(await without_temporal(gateway)) as api:
        reply = await api.post("/api/schedules", json=DAILY)
        assert_problem(reply, 503, "service_unavailable")
        assert_problem(await api.get("/api/schedules"), 503, "service_unavailable")
        assert (await api.post("/api/schedules/preview", json={"when": NINE})).is_success


async def test_a_client_cannot_pass_a_job_off_as_a_schedules(api):
    body = {**TEXT, "labels": {"backburner.schedule": "daily"}}
    problem = assert_problem(await api.post("/api/jobs", json=body), 422, "invalid_payload")
    assert problem["errors"][0]["pointer"] == "/labels/backburner.schedule"
