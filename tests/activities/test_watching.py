"""The watcher: when it asks, what it believes, and that it lets go."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.lean_client import LARGEST_HINT_SECONDS, LeanClient
from activities.watcher import AHEAD, LONGEST_AHEAD_SECONDS, End, Watch, Watcher, _in_company
from jobs.errors import ProviderFailure, SubmitUncertain
from jobs.polling import PollSchedule
from storage import responses
from storage.responses import State
from tests.activities.bench import Bench
from tests.activities.status_server import Reply, StatusServer, completed, says
from tests.installation import eventually

AT_ONCE = 4


@dataclass(frozen=True)
class Brisk(PollSchedule):
    """Asks again at once; the real rhythm is arithmetic and tested with it."""

    def delay(self, waited_seconds: float, jitter: float, *, pushed: bool = False) -> float:
        del waited_seconds, jitter, pushed
        return 0.01


@pytest.fixture
async def watcher(provider: StatusServer) -> AsyncIterator[Watcher]:
    async with (
        LeanClient(provider.url, {}) as client,
        Watcher(client, concurrent_polls=AT_ONCE) as watcher,
    ):
        yield watcher


async def waited(watcher: Watcher, response_id: str) -> Watch:
    async with watcher.watch(response_id, Brisk(), waited_seconds=0) as watch:
        await watch.over
        return watch


@pytest.mark.parametrize("last", ["completed", "failed", "cancelled", "incomplete"])
async def test_a_wait_ends_with_the_response(provider: StatusServer, watcher: Watcher, last: str):
    provider.replies["a"] = [says("queued"), says("in_progress"), says(last)]
    watch = await waited(watcher, "a")
    assert (watch.over.result(), watch.polls, len(provider.asked["a"])) == (End.ENDED, 3, 3)
    assert watcher.waiting == 0


@pytest.mark.parametrize(
    "reply",
    [
        says("resting"),
        says(None),
        Reply('["no", "response"]'),
        Reply("<html>a proxy speaks</html>"),
        Reply('{"status": "comp'),
        Reply("", 500),
        Reply("", 502),
        Reply("", 429, {"Retry-After": "0.05"}),
        Reply("", 429, {"Retry-After": "soon"}),
        Reply("", 429, {"Retry-After": "nan"}),
    ],
    ids=["unknown", "null", "list", "html", "cut", "500", "502", "429", "429-soon", "429-nan"],
)
async def test_what_does_not_say_that_it_ended_is_asked_again(
    provider: StatusServer, watcher: Watcher, reply: Reply
):
    provider.replies["a"] = [reply, reply, says("completed")]
    assert (await waited(watcher, "a")).polls == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410])
async def test_a_refusal_of_the_poll_is_left_to_a_full_retrieve(
    provider: StatusServer, watcher: Watcher, status: int
):
    provider.replies["a"] = [Reply("{}", status)]
    watch = await waited(watcher, "a")
    assert (watch.over.result(), watch.polls) == (End.ENDED, 1)


async def test_a_provider_that_cannot_be_reached_is_asked_again():
    async with (
        LeanClient("http://127.0.0.1:1", {}) as client,
        Watcher(client, concurrent_polls=1) as watcher,
        watcher.watch("a", Brisk(), waited_seconds=0) as watch,
    ):

        async def polls() -> int:
            return watch.polls

        await eventually(polls, lambda count: count >= 3)
        assert not watch.over.done()


async def test_a_poll_obeys_the_providers_wait_hint(provider: StatusServer, watcher: Watcher):
    provider.replies["a"] = [Reply("", 429, {"Retry-After": "0.4"}), says("completed")]
    await waited(watcher, "a")
    first, second = provider.asked["a"]
    assert second - first >= 0.4


@pytest.mark.parametrize(
    ("hint", "least", "most"),
    [
        ("7", 7, 7),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LARGEST_HINT_SECONDS, LARGEST_HINT_SECONDS),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0),
        ("Sun, 06 Nov 99999 08:49:37 GMT", 0, 0),
        ("inf", LARGEST_HINT_SECONDS, LARGEST_HINT_SECONDS),
        ("-7", 0, 0),
    ],
    ids=["seconds", "never", "past", "no date", "infinite", "negative"],
)
async def test_a_wait_hint_may_be_seconds_or_a_date(
    provider: StatusServer, hint: str, least: float, most: float
):
    provider.replies["a"] = [Reply("", 429, {"Retry-After": hint})]
    async with LeanClient(provider.url, {}) as client:
        assert least <= (await client.look("a")).wait_seconds <= most


async def test_a_wait_hint_that_is_a_date_counts_from_now(provider: StatusServer):
    later = formatdate(time.time() + LARGEST_HINT_SECONDS / 2, usegmt=True)
    provider.replies["a"] = [Reply("", 429, {"Retry-After": later})]
    async with LeanClient(provider.url, {}) as client:
        waited = (await client.look("a")).wait_seconds
    assert 0 < waited <= LARGEST_HINT_SECONDS / 2


async def test_polls_in_flight_are_bounded_and_none_is_lost(
    provider: StatusServer, watcher: Watcher
):
    provider.seconds_per_reply = 0.01
    ids = [f"r{n}" for n in range(40)]
    provider.replies |= {each: [says("queued"), says("completed")] for each in ids}
    watches = await asyncio.gather(*(waited(watcher, each) for each in ids))
    assert provider.most_busy <= AT_ONCE
    assert {watch.polls for watch in watches} == {2}
    assert {len(provider.asked[each]) for each in ids} == {2}


async def test_the_usual_rhythm_asks_seldom(provider: StatusServer, watcher: Watcher):
    provider.replies["a"] = [says("in_progress")]
    async with watcher.watch("a", PollSchedule(), waited_seconds=600) as watch:
        await asyncio.sleep(1.2)  # nobody asks so soon about a response that old
        assert watch.polls == 0


async def test_who_leaves_is_not_asked_about_any_more(provider: StatusServer, watcher: Watcher):
    provider.replies |= {"a": [says("queued")], "b": [says("queued")] * 5 + [says("completed")]}
    async with watcher.watch("a", Brisk(), waited_seconds=0) as watch:
        pass
    await waited(watcher, "b")
    assert watch.polls <= 1
    assert len(provider.asked["a"]) <= 1


async def test_draining_ends_every_wait_present_and_future(
    provider: StatusServer, watcher: Watcher
):
    provider.replies["a"] = [says("queued")]
    async with AsyncExitStack() as stack:
        present = [
            await stack.enter_async_context(watcher.watch("a", Brisk(), waited_seconds=0))
            for _ in range(3)
        ]
        watcher.drain()
        assert [await each.over for each in present] == [End.DRAINING] * 3
        async with watcher.watch("a", Brisk(), waited_seconds=0) as future:
            assert await future.over is End.DRAINING
    assert watcher.waiting == 0


async def test_a_provider_that_lags_behind_its_own_create_is_given_time(
    scripted_bench: Bench, provider: StatusServer
):
    bench, missing = scripted_bench, Reply('{"error": {"message": "not found"}}', 404)
    provider.creates = [says("queued")]
    # The poll misses it, and both clients that fetch it after that.
    provider.replies["resp_1"] = [missing, missing, missing, completed("found")]
    assert (await bench.respond(await bench.step())).text == "found"
    assert len(provider.asked["resp_1"]) == 5


async def test_an_id_cannot_lead_to_another_path(provider: StatusServer):
    provider.replies["../files?x=1"] = [completed()]
    async with LeanClient(provider.url, {}) as client:
        assert (await client.fetch("../files?x=1"))["status"] == "completed"


async def test_a_response_whose_status_nobody_knows_is_waited_for(
    scripted_bench: Bench, provider: StatusServer
):
    provider.creates = [says("dreaming")]
    provider.replies["resp_1"] = [says("resting"), completed()]
    step = await scripted_bench.step()
    assert (await scripted_bench.respond(step)).text == "done"


@pytest.mark.parametrize(
    "reply",
    [
        Reply("<html>a proxy speaks</html>", media_type="text/html"),
        Reply('{"id": "resp_1", "stat'),
        Reply('{"object": "response"}'),
        Reply("[]"),
    ],
    ids=["html", "cut", "without id", "list"],
)
async def test_an_accepted_submit_whose_reply_cannot_be_read_is_uncertain(
    scripted_bench: Bench, provider: StatusServer, reply: Reply
):
    provider.creates = [reply]
    step = await scripted_bench.step()
    with pytest.raises(SubmitUncertain):
        await scripted_bench.respond(step)
    assert [each.state for each in await scripted_bench.submits(step)] == [State.UNCERTAIN]


async def test_a_retrieve_that_cannot_be_read_is_tried_again_and_books_nothing(
    scripted_bench: Bench, provider: StatusServer
):
    provider.creates = [says("queued")]
    html = Reply("<html>a proxy speaks</html>", media_type="text/html")
    provider.replies["resp_1"] = [says("completed"), html, html, completed()]
    step = await scripted_bench.step()
    with pytest.raises(ProviderFailure) as caught:
        await scripted_bench.respond(step)
    assert caught.value.retryable
    assert [each.state for each in await scripted_bench.submits(step)] == [State.OPEN]
    assert (await scripted_bench.respond(step)).text == "done"


async def test_a_cancel_the_provider_has_not_caught_up_with_is_repeated(
    scripted_bench: Bench, provider: StatusServer
):
    bench = scripted_bench
    provider.creates = [says("queued")]
    provider.cancels["resp_1"] = [Reply("{}", 404), says("in_progress")]
    provider.replies["resp_1"] = [says("in_progress"), says("cancelled")]
    step = await bench.step()
    left = await bench.submit(step)
    await bench.deeds.responses.releaser.release(left)
    assert len(provider.asked["resp_1/cancel"]) == 2
    [row] = await responses.submits_of(bench.house.db, step.job, "1")
    assert (row.state, row.error_code) == (State.CANCELED, "response_canceled_upstream")


@pytest.mark.parametrize("status", [400, 409])
async def test_a_provider_that_refuses_to_cancel_what_has_ended_is_understood(
    scripted_bench: Bench, provider: StatusServer, status: int
):
    bench = scripted_bench
    provider.creates, provider.cancels["resp_1"] = [says("queued")], [Reply("{}", status)]
    provider.replies["resp_1"] = [completed("too late")]
    step = await bench.step()
    await bench.deeds.responses.releaser.release(await bench.submit(step))
    [row] = await bench.submits(step)
    assert (row.state, row.output) == (State.CANCELED, "too late")


async def test_a_response_that_does_not_stop_is_not_waited_for_without_end(
    scripted_bench: Bench, provider: StatusServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("activities.releasing.STOPPING_SECONDS", 0.05)
    monkeypatch.setattr("activities.releasing.PATIENCE_SECONDS", 0.2)
    provider.creates = [says("queued")]
    provider.cancels["resp_1"] = provider.replies["resp_1"] = [says("in_progress")]
    step = await scripted_bench.step()
    with pytest.raises(ProviderFailure, match="does not stop"):
        await scripted_bench.deeds.responses.releaser.release(await scripted_bench.submit(step))
    assert [each.state for each in await scripted_bench.submits(step)] == [State.OPEN]


@given(st.floats(0, 1e6), st.floats(0, 1000))
def test_a_poll_comes_a_little_early_and_never_late(now: float, pause: float):
    ahead = now + pause - _in_company(now, pause)
    assert -1e-9 <= ahead <= min(max(pause * AHEAD, 0.001), LONGEST_AHEAD_SECONDS)


@given(st.floats(0, 1e6), st.floats(20, 40))
def test_long_pauses_end_together(now: float, pause: float):
    moments = {_in_company(now, pause + each / 1000) for each in range(1000)}
    assert len(moments) <= 1 / LONGEST_AHEAD_SECONDS + 1
