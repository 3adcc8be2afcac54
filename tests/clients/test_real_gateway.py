"""The SDK and the command line against the true gateway, worker and servers."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from backburner import ApiError, JobStatus, Overlap, When, webhooks
from backburner.cli.app import app
from settings import CallbackSettings
from tests.callbacks.receiver import Answer, receiving
from tests.clients.real_gateway import running_gateway
from tests.installation import eventually, serving
from tests.notifications.mailbox import channels_file, mailbox
from tests.workflows import approval_jobs  # noqa: F401 # declares them

TEXT = {"text": "The pilot ran for six weeks. Waste fell by a third."}


@pytest.fixture
async def client(house):
    async with running_gateway(house) as client:
        yield client


async def command(client, *arguments):
    return json.loads(await output_of(client, *arguments))


async def output_of(client, *arguments):
    done = await asyncio.to_thread(
        CliRunner().invoke, app, ["--url", client.base_url, *map(str, arguments)]
    )
    assert done.exit_code == 0, done.output
    return done.stdout


async def test_a_job_is_submitted_followed_and_read(client):
    job = await client.submit("summarize_text", TEXT, labels={"from": "test"})
    events = [event async for event in client.events(job.job_id)]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type == "succeeded"
    ended = await client.wait(job.job_id)
    assert ended.cost.responses == 1
    assert await client.result(job.job_id) == ended.result
    found = client.jobs(status=JobStatus.SUCCEEDED, labels={"from": "test"}, page_size=1)
    assert [each.job_id async for each in found] == [job.job_id]


async def test_a_submit_may_return_the_finished_job(client):
    handle = await client.submit("summarize_text", TEXT, wait=timedelta(seconds=30))
    assert handle.status is JobStatus.SUCCEEDED
    assert handle.job.result["summary"]


async def test_a_quick_job_returns_with_its_result(client):
    job = await client.quick("summarize_text", TEXT, options={"max_tries": 2})
    assert job.status is JobStatus.SUCCEEDED
    assert job.result["summary"]


async def test_a_quick_job_that_takes_longer_is_waited_for_as_any_other(client):
    slow = {"text": 'Slow. [[emulator: {"outcome": "stuck"}]]'}
    job = await client.quick("summarize_text", slow, limit=timedelta(0))
    assert job.status in {JobStatus.PENDING, JobStatus.RUNNING}
    await client.cancel(job.job_id)
    assert (await client.wait(job.job_id)).status is JobStatus.CANCELED


async def test_a_canceled_job_ends(client):
    job = await client.submit("summarize_text", TEXT)
    await client.cancel(job.job_id, reason="no need")
    assert (await client.wait(job.job_id)).status in {JobStatus.CANCELED, JobStatus.SUCCEEDED}


async def test_a_wrong_payload_points_at_the_mistake(client):
    with pytest.raises(ApiError) as caught:
        await client.submit("summarize_text", {})
    assert caught.value.code == "invalid_payload"
    assert caught.value.errors[0]["pointer"] == "/payload/text"


async def test_the_command_line_carries_documents_to_a_summary(client, tmp_path):
    for name in ("a.md", "b.txt"):
        (tmp_path / name).write_text(f"# {name}\n\nThe pilot ran for six weeks.\n")
    documents = await command(client, "documents", "add", tmp_path)
    assert len(await command(client, "documents", "list")) == 2
    payload = {"document_ids": [each["document_id"] for each in documents]}
    assert await command(client, "documents", "list", "--state", "processed") == []
    await command(client, "submit", "process_pending_documents", '{"limit": 1}', "--wait")
    [document] = await command(client, "documents", "list", "--state", "processed")
    assert (document["name"], document["error"]) == ("a.md", None)
    submit = ("submit", "summarize_documents", json.dumps(payload), "--wait")
    job = await command(client, *submit)
    assert job["result"]["summary"]
    assert await command(client, "result", job["job_id"]) == job["result"]
    listed = await command(client, "list", "--type", "summarize_documents")
    assert listed == [job | {"result": None}]
    names = [each["name"] for each in await command(client, "job-types")]
    assert {"summarize_text", "summarize_documents"} <= set(names)


async def test_a_person_decides_over_the_command_line_and_a_program_over_the_sdk(client):
    asks = [{"key": f"/{n}", "title": f"Plan {n}", "shown": {"n": n}} for n in range(2)]
    job = await client.submit("test_asks_people", {"asks": asks})
    while len(opened := (await client.get(job.job_id)).approvals) < 2:
        await asyncio.sleep(0.02)  # the worker asks
    await command(client, "approvals", "approve", job.job_id, "/0", "--yes", "--comment", "Go.")
    listed = [each async for each in client.approvals.list(job_id=job.job_id)]
    assert [(each.key, each.state) for each in listed] == [("/1", "open"), ("/0", "approved")]
    [second] = [each for each in opened if each.key == "/1"]
    decided = await client.approvals.reject(second)
    assert decided == await client.approvals.reject(second)
    assert decided == await client.approvals.get(job.job_id, "/1")
    with pytest.raises(ApiError):
        await client.approvals.approve(second)
    ended = await client.wait(job.job_id)
    assert [each["approved"] for each in ended.result["decisions"]] == [True, False]


async def test_the_doctor_finds_the_true_gateway_well(client):
    findings = await command(client, "doctor", "-o", "json")
    found = {each["subject"]: each["verdict"] for each in findings}
    assert (found["Gateway"], found["Readiness"], found["Token"]) == ("ok", "ok", "ok")


async def test_a_callback_is_asked_for_and_looked_at(client):
    async with receiving() as receiver:
        receiver.answers = [Answer(500, body=b"not yet")]
        job = await client.submit("summarize_text", TEXT, callback_url=receiver.url)
        await receiver.got(2)
        secret = await client.callbacks.secret()
        request = receiver.received[-1]
        event = webhooks.verify(request.body, request.headers, secret.secret)
        assert (event.job_id, event.type) == (job.job_id, "job.succeeded")
        callback = await client.callbacks.wait(event.webhook_id, attempts=2)
        assert [each.http_status for each in callback.attempts] == [500, 204]
        assert callback.attempts[0].response_excerpt == "not yet"
        assert await client.callbacks.of_job(job.job_id) == [callback]
        listed = [each async for each in client.callbacks.list(event="job.succeeded")]
        assert [each.callback_id for each in listed] == [callback.callback_id]
        await client.callbacks.redeliver(callback.callback_id)
        await receiver.got(3)


async def test_an_endpoint_is_kept_in_shape(client):
    async with receiving() as receiver:
        endpoint = await client.endpoints.create(receiver.url, events=["job.failed"])
        sent = await client.endpoints.test(endpoint.endpoint_id)
        [request] = await receiver.got()
        event = webhooks.verify(request.body, request.headers, endpoint.secret)
        assert (event.type, event.webhook_id) == ("endpoint.test", str(sent.callback_id))
        assert (event.endpoint or {})["url"] == receiver.url
        rotated = await client.endpoints.rotate_secret(endpoint.endpoint_id)
        await client.endpoints.test(endpoint.endpoint_id)
        request = (await receiver.got(2))[-1]
        for secret in (endpoint.secret, rotated.secret):
            again = webhooks.verify(request.body, request.headers, secret)
            assert again.type == "endpoint.test"
        changed = await client.endpoints.change(endpoint.endpoint_id, enabled=False)
        assert changed.disabled_reason == "by_owner"
        [listed] = await client.endpoints.list()
        assert listed == await client.endpoints.get(endpoint.endpoint_id) == changed
        await client.endpoints.change(endpoint.endpoint_id, enabled=True, events=[])
        since = datetime.now(UTC) - timedelta(hours=1)
        assert await client.endpoints.recover(endpoint.endpoint_id, since) == 0
        await client.endpoints.delete(endpoint.endpoint_id)
        assert list(await client.endpoints.list()) == []


async def test_the_command_line_manages_endpoints_and_callbacks(client):
    async with receiving() as receiver:
        endpoint = await command(client, "endpoints", "add", receiver.url, "--event", "job.failed")
        endpoint_id = endpoint["endpoint_id"]
        tested = await command(client, "endpoints", "test", endpoint_id)
        assert tested["status"] == "delivered"
        [listed] = await command(client, "callbacks", "list")
        assert listed["callback_id"] == tested["callback_id"]
        again = await command(client, "callbacks", "redeliver", tested["callback_id"])
        assert again["attempt_count"] == 2
        shown = await command(client, "callbacks", "show", tested["callback_id"])
        assert len(shown["attempts"]) == 2
        rotated = await command(client, "endpoints", "rotate-secret", endpoint_id)
        assert rotated["secret"] != endpoint["secret"]
        disabled = await command(client, "endpoints", "disable", endpoint_id)
        assert disabled["enabled"] is False
        assert (await command(client, "endpoints", "enable", endpoint_id))["enabled"]
        [seen] = await command(client, "endpoints", "list")
        assert seen["endpoint_id"] == endpoint_id
        secret = await command(client, "callbacks", "secret")
        assert (await command(client, "callbacks", "rotate-secret"))["secret"] != secret["secret"]
        table = await asyncio.to_thread(
            CliRunner().invoke,
            app,
            ["--url", client.base_url, "callbacks", "show", tested["callback_id"], "-o", "table"],
        )
        assert "delivered" in table.stdout
        for arguments in (("recover", endpoint_id), ("remove", endpoint_id)):
            done = await asyncio.to_thread(
                CliRunner().invoke, app, ["--url", client.base_url, "endpoints", *arguments]
            )
            assert done.exit_code == 0, done.output


async def test_people_are_notified_through_channels(bare, tmp_path):
    async with mailbox() as box:
        text = f"""
            [channels.ops]
            type = "email"
            host = "127.0.0.1"
            port = {box.port}
            security = "none"
            from = "jobs@example.com"
            domains = ["example.com"]
        """
        settings = CallbackSettings(channels_file=channels_file(tmp_path, text))
        async with (
            running_gateway(bare, settings) as client,
            serving(bare, callback_settings=settings),
        ):
            [channel] = await client.channels.list()
            assert (channel.name, channel.needs_recipients) == ("ops", True)
            use = {"channel": "ops", "on": ["succeeded"], "to": ["me@example.com"]}
            job = await client.submit("summarize_text", TEXT, notify=[use])
            await box.got()
            [notification] = await client.callbacks.of_job(job.job_id)
            assert (notification.channel, notification.url) == ("ops", None)
            tested = await command(client, "channels", "test", "ops", "--to", "me@example.com")
            assert tested["status"] == "delivered"
            assert (await box.got(2))[1].mail["Subject"] == "A test of Backburner"
            assert "@example.com" in await output_of(client, "channels", "list", "-o", "table")
            box.refusing["me@example.com"] = ["550 nobody there"]
            arguments = ["channels", "test", "ops", "--to", "me@example.com"]
            done = await asyncio.to_thread(
                CliRunner().invoke, app, ["--url", client.base_url, *arguments]
            )
            assert (done.exit_code, "recipient_refused" in done.output) == (1, True)


async def test_a_schedule_is_made_run_paused_changed_and_deleted(client):
    when = When(cron=["0 9 * * *"], time_zone="Europe/Berlin")
    terms = {"idempotency_key": "mine", "overlap": Overlap.ALLOW_ALL}
    made = await client.schedules.create("summarize_text", TEXT, when, id="daily", **terms)
    again = await client.schedules.create("summarize_text", TEXT, when, id="daily", **terms)
    assert again == made
    assert (made.overlap, len(made.next_runs)) == ("allow_all", 10)
    with pytest.raises(ApiError, match="schedule_exists"):
        await client.schedules.create("summarize_text", TEXT, when, id="daily")

    await client.schedules.trigger("daily")
    [run] = await eventually(lambda: runs_of(client, "daily"))
    job = await client.wait(run.job_id)
    assert (job.schedule_id, job.status) == ("daily", JobStatus.SUCCEEDED)
    assert job.scheduled_at == run.scheduled_at

    assert (await client.schedules.pause("daily", note="holidays")).note == "holidays"
    changed = await client.schedules.change("daily", {"when": {"cron": "0 10 * * *"}})
    assert (changed.when["cron"], changed.paused) == (["0 10 * * *"], True)
    assert not (await client.schedules.resume("daily")).paused
    planned = await client.schedules.preview("daily", count=3)
    tried = await client.schedules.preview(when.model_copy(update={"cron": ["0 10 * * *"]}))
    assert planned.runs == tried.runs[:3]
    span = (datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) - timedelta(days=1))
    assert await client.schedules.backfill("daily", *span) == 1
    assert len(await eventually(lambda: runs_of(client, "daily"), lambda runs: len(runs) > 1)) == 2

    listed = await eventually(lambda: listed_by(client))
    assert [each.schedule_id for each in listed] == ["daily"]
    await client.schedules.delete("daily")
    with pytest.raises(ApiError, match="schedule_not_found"):
        await client.schedules.get("daily")


async def test_a_schedule_keeps_the_callback_url_of_its_jobs(client):
    hook = "https://example.com/hooks/reports"
    made = await client.schedules.create(
        "summarize_text", TEXT, {"cron": "@weekly"}, paused=True, callback_url=hook
    )
    assert made.job["callback_url"] == hook
    await client.schedules.delete(made.schedule_id)


async def runs_of(client, schedule_id):
    return (await client.schedules.get(schedule_id)).last_runs


async def listed_by(client):
    return [each async for each in client.schedules.list(page_size=1)]


async def test_the_command_line_makes_and_ends_schedules(client, tmp_path):
    body: dict[str, Any] = {"id": "filed", "job": {"type": "summarize_text", "payload": TEXT}}
    body |= {"when": {"cron": "@weekly"}, "paused": True}
    (tmp_path / "it.json").write_text(json.dumps(body))
    filed = await command(client, "schedules", "create", "--file", tmp_path / "it.json")
    assert (filed["schedule_id"], filed["paused"]) == ("filed", True)
    options = ("--every", 3600, "--offset", 60, "--overlap", "buffer_one", "--note", "hourly")
    more = ("--type", "summarize_text", "--payload", json.dumps(TEXT), "--label", "team=a")
    made = await command(client, "schedules", "create", "typed", *more, *options)
    assert made["when"]["intervals"] == [{"every_seconds": 3600, "offset_seconds": 60}]
    assert (made["overlap"], made["job"]["labels"], made["note"]) == (
        "buffer_one",
        {"team": "a"},
        "hourly",
    )
    await eventually(lambda: command(client, "schedules", "list"), lambda found: len(found) == 2)
    assert (await command(client, "schedules", "pause", "typed", "--note", "no"))["paused"]
    assert not (await command(client, "schedules", "resume", "typed"))["paused"]
    patch = json.dumps({"overlap": "skip"})
    assert (await command(client, "schedules", "change", "typed", patch))["overlap"] == "skip"
    tried = await command(client, "schedules", "preview", "--cron", "0 9 * * *", "--count", 2)
    assert len(tried["runs"]) == 2
    assert (await command(client, "schedules", "preview", "typed"))["time_zone"] == "UTC"
    await command(client, "schedules", "trigger", "typed")
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%F}"
    span = ("--from", f"{yesterday}T00:00:00", "--to", f"{yesterday}T00:30:00")
    filled = await command(client, "schedules", "backfill", "typed", *span)
    assert filled == {"schedule_id": "typed", "times": 1}
    shown = await command(client, "schedules", "show", "typed")
    assert shown["schedule_id"] == "typed"
    for name in ("filed", "typed"):
        await output_of(client, "schedules", "delete", name)


async def test_schedules_are_readable_on_a_terminal(client):
    more = ("--type", "summarize_text", "--payload", json.dumps(TEXT), "--cron", "0 9 * * *")
    await output_of(client, "schedules", "create", "daily", *more, "--paused")
    shown = await output_of(client, "schedules", "show", "daily", "-o", "table")
    assert "0 9 * * * (UTC)" in shown
    await eventually(lambda: listed_by(client))
    assert "paused" in await output_of(client, "schedules", "list", "-o", "table")
    tried = await output_of(client, "schedules", "preview", "daily", "-o", "table", "--count", 1)
    assert "09:00:00" in tried
    await output_of(client, "schedules", "delete", "daily")
