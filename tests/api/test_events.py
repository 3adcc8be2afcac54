import asyncio
import contextlib
from uuid import uuid4

import httpx2
import pytest

from api.follower import Follower
from jobs.status import JobStatus
from jobs.values import JobId
from storage.database import Database
from tests.api.conftest import (
    TEXT,
    assert_problem,
    ended,
    progressed,
    served,
    serving,
    submitted,
)


async def messages(lines):
    """Yield each server-sent event as a dict of its fields."""
    fields = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


@contextlib.asynccontextmanager
async def following(api, job_id, **options):
    async with api.stream("GET", f"/api/jobs/{job_id}/events", **options) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        stream = messages(reply.aiter_lines())
        assert await anext(stream) == {"retry": "2000"}
        yield stream


async def test_events_come_as_they_happen_and_end_with_end(api, gateway):
    job_id = await submitted(api)
    async with following(api, job_id) as stream:
        first = await anext(stream)
        assert (first["event"], first["id"]) == ("created", "1")
        await progressed(gateway, job_id, 1)
        assert (await anext(stream))["event"] == "started"
        third = await anext(stream)
        assert third["event"] == "progress"
        assert '"current":1' in third["data"]
        await ended(gateway, job_id)
        rest = [message async for message in stream]
    assert [message["event"] for message in rest] == ["succeeded", "end"]
    assert rest[-1]["id"] == "4"
    assert f'"job_id":"{job_id}"' in rest[-1]["data"]


@pytest.mark.parametrize("seen", [0, 1, 4, 6])
async def test_a_reader_cut_anywhere_resumes_without_gap_or_double(api, gateway, seen):
    job_id = await submitted(api)
    for number in range(4):  # with created, started and succeeded: seven events
        await progressed(gateway, job_id, number)
    await ended(gateway, job_id)
    ids: list[str] = []
    async with following(api, job_id) as stream:
        while len(ids) < seen:
            ids.append((await anext(stream))["id"])
    async with following(api, job_id, headers={"Last-Event-ID": str(seen)}) as stream:
        rest = [message async for message in stream]
    assert rest[-1]["event"] == "end"
    assert [*ids, *(message["id"] for message in rest[:-1])] == [str(n) for n in range(1, 8)]


async def test_more_than_a_page_of_events_arrives_whole(api, gateway):
    job_id = await submitted(api)
    await gateway.db.execute(
        "WITH job AS (UPDATE jobs SET last_seq = 250 RETURNING id) INSERT INTO job_events "
        "(job_id, seq, type) SELECT id, n, 'progress' FROM job, generate_series(2, 250) n"
    )
    await ended(gateway, job_id)
    async with following(api, job_id, params={"after": 20}) as stream:
        ids = [int(message["id"]) async for message in stream]
    assert ids == [*range(21, 252), 251]


async def test_a_reader_that_has_seen_everything_is_told_not_to_return(api, gateway):
    job_id = await submitted(api)
    await ended(gateway, job_id, JobStatus.CANCELED)
    for seen in ("2", "99"):
        reply = await api.get(f"/api/jobs/{job_id}/events", headers={"Last-Event-ID": seen})
        assert reply.status_code == 204


async def test_a_bad_last_event_id_is_refused(api, subtests):
    job_id = await submitted(api)
    for seen in ("x", "-1", "7", "", "9" * 30, b"\xb2"):
        with subtests.test(seen=seen):
            reply = await api.get(f"/api/jobs/{job_id}/events", headers={"Last-Event-ID": seen})
            assert_problem(reply, 400, "invalid_request")


async def test_a_stopping_gateway_lets_its_readers_go(gateway):
    async with serving(gateway) as (api, server):
        job_id = await submitted(api)
        poll = asyncio.create_task(api.get(f"/api/jobs/{job_id}", headers={"Prefer": "wait=30"}))
        reading, stream = asyncio.Event(), []

        async def read():
            async with following(api, job_id) as events:
                async for message in events:
                    stream.append(message)
                    reading.set()

        reader = asyncio.create_task(read())
        await reading.wait()
        server.should_exit = True
        await reader
        assert (await poll).json()["status"] == "pending"
    assert [message["event"] for message in stream] == ["created"]


async def test_a_stream_survives_an_outage_of_postgres(gateway, postgres):
    async with served(gateway) as api:
        job_id = await submitted(api)
        async with following(api, job_id) as stream:
            assert (await anext(stream))["event"] == "created"
            await postgres.kill()
            try:
                down = await api.get(f"/api/jobs/{job_id}")
                assert_problem(down, 503, "service_unavailable")
                assert int(down.headers["retry-after"]) >= 1
                assert_problem(await api.post("/api/jobs", json=TEXT), 503, "service_unavailable")
            finally:
                await postgres.start()
            await progressed(gateway, job_id, 1)
            assert (await anext(stream))["event"] == "started"


async def test_nobody_is_asked_while_nobody_watches():
    looks = 0

    class Counting(Database):
        def __init__(self) -> None:
            pass

        async def fetch(self, *_):
            nonlocal looks
            looks += 1
            return []

    follower = Follower(Counting())
    running = asyncio.create_task(follower.look())
    with follower.watching(JobId(uuid4())), follower.watching(JobId(uuid4())):
        await follower.next_look()
        assert looks == 1
    await asyncio.sleep(0.35)  # the duration is the claim: three polls would fit
    assert looks <= 2
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_reader_that_goes_away_is_no_longer_followed(api, gateway):
    job_id = await submitted(api)
    with contextlib.suppress(httpx2.HTTPError):
        async with following(api, job_id) as stream:
            await anext(stream)
    # The next request is served as usual, and the gateway stops at once: nobody is left behind.
    assert (await api.get(f"/api/jobs/{job_id}")).status_code == 200
