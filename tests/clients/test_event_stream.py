import asyncio
from datetime import timedelta

import pytest

from backburner import ApiError, AsyncBackburner, GatewayUnreachable
from tests.clients.fake_gateway import busy, problem


def finished(gateway, steps=6):
    job_id = gateway.add_job()
    for step in range(steps):
        gateway.add_event(job_id, "progress", stage="count", current=step + 1, total=steps)
    gateway.end(job_id)
    return job_id


async def seqs(events):
    return [event.seq async for event in events]


async def test_events_come_in_order_until_the_end(client, gateway):
    job_id = finished(gateway)
    events = [event async for event in client.events(job_id)]
    assert [event.seq for event in events] == list(range(1, 9))
    assert [events[0].type, events[-1].type] == ["created", "succeeded"]
    assert events[1].data == {"stage": "count", "current": 1, "total": 6}


@pytest.mark.parametrize("cuts", [[0, 1, 2], [3, 0, 0, 4], [8]], ids=str)
async def test_a_stream_cut_in_the_middle_loses_and_repeats_nothing(client, gateway, cuts):
    job_id = finished(gateway)
    gateway.cuts = cuts
    assert await seqs(client.events(job_id)) == list(range(1, 9))


async def test_a_stream_that_ends_before_the_job_is_taken_up_again(client, gateway):
    job_id = gateway.add_job()
    events = client.events(job_id)
    assert (await anext(events)).type == "created"
    following = asyncio.ensure_future(anext(events))
    gateway.end(job_id)
    assert (await following).type == "succeeded"
    assert await seqs(events) == []
    assert gateway.requests[-1].headers["last-event-id"] == "1"


async def test_trouble_between_two_connections_is_outlasted(client, gateway):
    job_id = finished(gateway)
    gateway.troubles = [busy, lambda: problem(500, "internal_error")]
    assert await seqs(client.events(job_id)) == list(range(1, 9))


async def test_events_before_the_wanted_one_are_left_out(client, gateway):
    assert await seqs(client.events(finished(gateway), after=5)) == [6, 7, 8]


async def test_nothing_comes_after_the_last_event(client, gateway):
    assert await seqs(client.events(finished(gateway), after=8)) == []


async def test_an_unknown_job_has_no_events(client):
    with pytest.raises(ApiError) as caught:
        await seqs(client.events("nothing"))
    assert caught.value.code == "job_not_found"


async def test_a_gateway_silent_for_too_long_is_given_up(gateway):
    gateway.troubles = [busy]
    async with AsyncBackburner(gateway.url, outage=timedelta(seconds=0.3)) as client:
        job_id = gateway.add_job()
        with pytest.raises(GatewayUnreachable, match="event stream was cut"):
            await seqs(client.events(job_id))
