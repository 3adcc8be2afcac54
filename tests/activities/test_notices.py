"""Notices: they end waits at once, and losing or forging them does no harm."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.lean_client import Glance
from activities.listener import Listener
from activities.watcher import REMEMBERED, End, Watcher
from jobs.errors import WorkerDraining
from jobs.polling import PollSchedule
from storage import inbox
from storage.inbox import CHANNEL, LONGEST_NOTICE
from tests.activities.bench import Bench, benched, scripted
from tests.activities.lost import Brisk, Never, calls, complete, notify, put
from tests.activities.status_server import StatusServer, completed, says
from tests.installation import Installation, eventually, waits


async def listeners(house: Installation) -> list[int]:
    rows = await house.db.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND (query ILIKE 'LISTEN%' OR query = 'SELECT 1')"
    )
    return [row["pid"] for row in rows]


async def reaches(watcher: Watcher) -> None:
    async def pushed() -> bool:
        return watcher.pushed

    await eventually(pushed)


async def test_a_notice_ends_a_wait_at_once_without_a_poll(bench: Bench, without_polls: None):
    await reaches(bench.deeds.watcher)
    step = await bench.step(scripted(outcome="stuck"))
    task = asyncio.create_task(bench.respond(step))
    await waits(bench.deeds.watcher)
    [made] = await bench.house.created()
    await complete(bench.house, made["id"])
    await notify(bench.house.db, made["id"])
    assert (await task).response_id == made["id"]
    asked = {name: count for name, count in (await calls(bench.house)).items() if "GET" in name}
    assert sum(asked.values()) == 1


async def test_a_notice_that_came_before_the_wait_is_found(bench: Bench):
    await put(bench.house.db, "resp_early")
    async with bench.deeds.watcher.watch("resp_early", Never(), waited_seconds=0) as watch:
        assert await asyncio.wait_for(watch.over, 5) is End.ENDED
        assert watch.polls == 0


async def test_a_killed_listener_comes_back_and_finds_what_it_missed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("storage.listening.PING_SECONDS", 0.05)
    monkeypatch.setattr("storage.listening.RECONNECT_SECONDS", 0.05)
    await bench.house.db.execute("SELECT 1")
    async with benched(bench.house, bench.house.environment["OPENAI_BASE_URL"]) as other:
        watcher = other.deeds.watcher
        await reaches(watcher)
        async with watcher.watch("resp_1", Never(), waited_seconds=0) as watch:
            looked_up = "SELECT count(*) FROM inbox"
            await eventually(lambda: _is_looked_up(watcher))
            for pid in await listeners(bench.house):
                await bench.house.db.execute("SELECT pg_terminate_backend($1)", pid)
            # Nobody is told: only the look after the reconnect can find it.
            await put(bench.house.db, "resp_1")
            assert await bench.house.db.fetchval(looked_up) == 1
            assert await asyncio.wait_for(watch.over, 10) is End.ENDED
        await reaches(watcher)
        async with watcher.watch("resp_2", Never(), waited_seconds=0) as watch:
            await notify(bench.house.db, "resp_2")
            assert await asyncio.wait_for(watch.over, 5) is End.ENDED


async def _is_looked_up(watcher: Watcher) -> bool:
    return not watcher._new


async def test_an_early_notice_costs_one_look_and_the_wait_goes_on(
    scripted_bench: Bench, provider: StatusServer, without_polls: None
):
    bench = scripted_bench
    provider.creates, provider.replies["resp_1"] = [says("queued")], [says("in_progress")]
    task = asyncio.create_task(bench.respond(await bench.step()))
    await waits(bench.deeds.watcher)
    await notify(bench.house.db, "resp_1")
    await asyncio.sleep(0.5)  # that it does not go round in circles is the contract
    assert 1 <= len(provider.asked["resp_1"]) <= 2
    assert not task.done()
    provider.replies["resp_1"] = [completed("at last")]
    await notify(bench.house.db, "resp_1")
    assert (await task).text == "at last"
    assert len(provider.asked["resp_1"]) <= 3


async def test_a_notice_that_comes_during_the_look_at_an_earlier_one_is_not_missed(
    scripted_bench: Bench, provider: StatusServer, without_polls: None
):
    bench = scripted_bench
    provider.seconds_per_reply = 0.2
    provider.creates = [says("queued")]
    provider.replies["resp_1"] = [says("in_progress"), completed("second look")]
    await reaches(bench.deeds.watcher)
    task = asyncio.create_task(bench.respond(await bench.step()))
    await waits(bench.deeds.watcher)
    await inbox.tell(bench.house.db, ["resp_1"])

    async def asked() -> int:
        return len(provider.asked["resp_1"])

    await eventually(asked)
    await inbox.tell(bench.house.db, ["resp_1"])
    assert (await asyncio.wait_for(task, 5)).text == "second look"


async def test_of_two_workers_the_one_that_waits_is_woken(bench: Bench, without_polls: None):
    base_url = bench.house.environment["OPENAI_BASE_URL"]
    async with benched(bench.house, base_url) as other:
        await reaches(bench.deeds.watcher)
        await reaches(other.deeds.watcher)
        tasks = []
        for each in (bench, other):
            step = await each.step(scripted(outcome="stuck"))
            tasks.append(asyncio.create_task(each.respond(step)))
            await waits(each.deeds.watcher)
        for made in await bench.house.created():
            await complete(bench.house, made["id"])
            await notify(bench.house.db, made["id"])
        first, second = await asyncio.wait_for(asyncio.gather(*tasks), 10)
        assert first.response_id != second.response_id


async def test_two_hundred_waits_are_woken_by_a_few_notifications(bench: Bench):
    watcher, ids = bench.deeds.watcher, [f"resp_{n:048d}" for n in range(200)]
    await reaches(watcher)
    async with AsyncExitStack() as stack:
        watches = [
            await stack.enter_async_context(watcher.watch(each, Never(), waited_seconds=0))
            for each in ids
        ]
        await inbox.tell(bench.house.db, ids)
        ends = await asyncio.wait_for(asyncio.gather(*(each.over for each in watches)), 10)
    assert set(ends) == {End.ENDED}
    assert len(inbox._payloads(ids)) == 2


async def test_a_response_that_was_let_go_says_nothing_about_notices(bench: Bench):
    watcher = bench.deeds.watcher
    await reaches(watcher)
    async with watcher.watch("resp_1", Never(), waited_seconds=0) as watch:
        await inbox.tell(bench.house.db, ["resp_1"], channel=inbox.LET_GO)
        assert await asyncio.wait_for(watch.over, 5) is End.ENDED
    assert not watcher.trusts_notices


async def test_draining_ends_a_wait_that_an_early_notice_woke(
    scripted_bench: Bench, provider: StatusServer, without_polls: None
):
    bench = scripted_bench
    provider.seconds_per_reply = 0.2
    provider.creates, provider.replies["resp_1"] = [says("queued")], [says("in_progress")]
    task = asyncio.create_task(bench.respond(await bench.step()))
    await waits(bench.deeds.watcher)
    bench.deeds.watcher.wake("resp_1")
    bench.deeds.watcher.drain()
    with pytest.raises(WorkerDraining):
        await asyncio.wait_for(task, 5)


async def test_a_notification_by_somebody_else_does_no_harm(bench: Bench, without_polls: None):
    await reaches(bench.deeds.watcher)
    async with bench.deeds.watcher.watch("resp_1", Never(), waited_seconds=0) as watch:
        for payload in ("", ",", ",,resp_x,", "\N{SNOWMAN}"):
            await bench.house.db.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
        await inbox.tell(bench.house.db, ["resp_1"])
        assert await asyncio.wait_for(watch.over, 5) is End.ENDED


async def test_an_error_nobody_thought_of_stops_neither_listening_nor_adopting(
    own: Installation, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("storage.listening.RECONNECT_SECONDS", 0.05)
    trouble, adopted, woken = [UnicodeError("a")], [], []

    async def adopt() -> None:
        if trouble:
            raise trouble.pop()
        adopted.append(1)

    async def reached() -> bool:
        return watcher.pushed and bool(adopted)

    url = own.environment["BACKBURNER_DATABASE_URL"]
    listener = Listener(url, own.db, watcher, adopt, lambda: woken.append(1))
    async with listener.running():
        await eventually(lambda: _is_gone(trouble))
        await inbox.tell(own.db, ["resp_stranger"])
        await eventually(reached)


async def _is_gone(trouble: list[UnicodeError]) -> bool:
    return not trouble


word = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1
)


@given(st.lists(word.map(lambda each: each * 9) | st.sampled_from(["r" * 500, "r" * 60])))
def test_notifications_carry_every_id_in_order_and_fit_into_postgres(ids: list[str]):
    payloads = inbox._payloads(ids)
    assert all(0 < len(each.encode()) < 8000 for each in payloads)
    assert ",".join(payloads).split(",") == ids or not ids
    assert len(payloads) <= 1 + sum(len(each) + 1 for each in ids) // (LONGEST_NOTICE // 2)


@dataclass
class Provider:
    """A provider that says what a response's status is, and counts who asks."""

    statuses: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)

    async def look(self, response_id: str) -> Glance:
        self.asked.append(response_id)
        await asyncio.sleep(0)
        if self.troubles:
            raise self.troubles.pop()
        return Glance(self.statuses.get(response_id, "in_progress"))


@dataclass(frozen=True)
class SlowWhenPushed(PollSchedule):
    def delay(self, waited_seconds: float, jitter: float, *, pushed: bool = False) -> float:
        del waited_seconds, jitter
        return 3600 if pushed else 0.02


@pytest.fixture
async def said() -> Provider:
    return Provider()


@pytest.fixture
async def watcher(said: Provider) -> AsyncIterator[Watcher]:
    async with Watcher(said, concurrent_polls=4) as watcher:  # type: ignore[arg-type] # a fake
        yield watcher


async def noticed(watcher: Watcher, count: int = 1) -> None:
    for n in range(count):
        async with watcher.watch(f"noticed_{n}", Never(), waited_seconds=0):
            assert watcher.wake(f"noticed_{n}")


async def polled(watcher: Watcher, said: Provider) -> None:
    said.statuses["polled"] = "completed"
    async with watcher.watch("polled", Brisk(), waited_seconds=0) as watch:
        await watch.over


async def test_notices_are_trusted_while_they_come_first(watcher: Watcher, said: Provider):
    await noticed(watcher)
    assert not watcher.trusts_notices  # it does not listen
    watcher.pushed = True
    assert not watcher.trusts_notices  # it has not heard one while listening
    await noticed(watcher, 4)
    assert watcher.trusts_notices
    await polled(watcher, said)
    assert watcher.trusts_notices  # four of five
    await polled(watcher, said)
    assert not watcher.trusts_notices
    await noticed(watcher, REMEMBERED)
    assert watcher.trusts_notices
    watcher.pushed = False
    assert not watcher.trusts_notices


@pytest.mark.parametrize("lost", ["connection", "notices"])
async def test_when_notices_stop_polls_get_faster(watcher: Watcher, said: Provider, lost: str):
    watcher.pushed = True
    await noticed(watcher)
    said.statuses["a"] = "completed"
    async with watcher.watch("a", SlowWhenPushed(), waited_seconds=0) as watch:
        await asyncio.sleep(0.1)  # that nobody asks meanwhile is the contract
        assert watch.polls == 0
        if lost == "connection":
            watcher.pushed = False
        else:
            await polled(watcher, said)
        assert await asyncio.wait_for(watch.over, 5) is End.ENDED
        assert watch.polls == 1


async def test_in_a_hurry_every_wait_is_polled_once_and_then_in_peace(
    watcher: Watcher, said: Provider
):
    watcher.pushed = True
    await noticed(watcher)
    said.statuses["missed"] = "completed"
    async with (
        watcher.watch("missed", SlowWhenPushed(), waited_seconds=0) as missed,
        watcher.watch("open", SlowWhenPushed(), waited_seconds=0) as still_open,
    ):
        await noticed(watcher, REMEMBERED)
        watcher.hurry()
        assert await asyncio.wait_for(missed.over, 5) is End.ENDED
        await asyncio.sleep(0.1)  # that nobody asks again is the contract
        assert (missed.polls, still_open.polls) == (1, 1)


async def test_a_hurry_delays_no_poll_and_heeds_what_the_provider_asked_for(
    watcher: Watcher, said: Provider
):
    async with (
        watcher.watch("slow", SlowWhenPushed(), waited_seconds=0) as slow,
        watcher.watch("soon", Never(), waited_seconds=0, is_resumed=True) as soon,
        watcher.watch("put off", SlowWhenPushed(), waited_seconds=0) as put_off,
    ):
        watcher._plan(put_off, at_least=3600)
        due = {each: each.due for each in (slow, soon, put_off)}
        watcher.hurry()
        assert all(each.due <= before for each, before in due.items())
        assert soon.due == due[soon]
        assert put_off.due == due[put_off]


async def test_workers_look_for_themselves_when_notices_may_have_been_missed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    watcher = bench.deeds.watcher
    await reaches(watcher)
    hurried = asyncio.Event()
    monkeypatch.setattr(watcher, "hurry", hurried.set)
    async with watcher.watch("resp_untold", Never(), waited_seconds=0) as watch:
        await eventually(lambda: _is_looked_up(watcher))
        await put(bench.house.db, "resp_untold")
        assert not watch.over.done()
        await inbox.tell_missed(bench.house.db)
        assert await asyncio.wait_for(watch.over, 5) is End.ENDED
    assert hurried.is_set()


async def test_a_poll_that_breaks_is_repeated(watcher: Watcher, said: Provider):
    said.statuses["a"], said.troubles = "completed", [OSError("nobody thought of it")]
    async with watcher.watch("a", Brisk(), waited_seconds=0) as watch:
        assert await asyncio.wait_for(watch.over, 5) is End.ENDED
        assert watch.polls == 2


async def test_planning_anew_during_a_poll_does_not_double_the_polls(
    watcher: Watcher, said: Provider
):
    async with watcher.watch("a", Brisk(), waited_seconds=0) as watch:
        for _ in range(10):
            watcher.pushed = True
            await noticed(watcher)
            watcher.pushed = False
            await asyncio.sleep(0.01)
        assert sum(each[1] == watch.planned for each in watcher._heap) <= 1
        before = watch.polls
        await asyncio.sleep(0.4)  # the rhythm is the contract
        assert watch.polls - before <= 0.4 / 0.02 + 2


async def test_a_notice_for_two_waits_of_one_response_ends_both(watcher: Watcher):
    async with (
        watcher.watch("a", Never(), waited_seconds=0) as one,
        watcher.watch("a", Never(), waited_seconds=0) as other,
    ):
        assert watcher.wake("a")
        assert (await one.over, await other.over) == (End.ENDED, End.ENDED)
        watcher.resume(one)
        assert watcher.wake("a")
        assert one.over.done()
    assert not watcher.wake("a")
    assert watcher.waiting == 0
