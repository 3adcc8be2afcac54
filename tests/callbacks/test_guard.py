"""Callbacks never reach what they must not: no connection is made, whatever the URL or DNS says."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from ipaddress import ip_address, ip_network

import httpcore2
import pytest

from activities.delivering import guard as guarding
from activities.delivering.guard import Guard, NameNotResolved, SystemResolver
from activities.delivering.posting import EXCERPT_CHARACTERS, MOST_BYTES, Poster, Reply
from jobs.addresses import may_connect
from jobs.callbacks import AttemptError, Target, UrlPolicy, target_of
from tests.callbacks.certificates import Authority
from tests.callbacks.corpus import ANSWERS, PUBLIC, SPELLED
from tests.callbacks.receiver import Answer, Receiver, receiving
from tests.installation import eventually

SECOND = timedelta(seconds=1)
OUTSIDE = ip_network("127.0.0.2/32")
"""Plays the public internet; 127.0.0.1 plays the inside of our network."""


class Recorder(httpcore2.AsyncNetworkBackend):
    """Writes down where somebody would connect to, and refuses."""

    def __init__(self) -> None:
        self.connected: list[tuple[str, int]] = []

    async def connect_tcp(
        self, host: str, port: int, *_: object, **__: object
    ) -> httpcore2.AsyncNetworkStream:
        self.connected.append((host, port))
        raise httpcore2.ConnectError("recorded")


class Answers:
    """A name server that gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def to(host: str, scheme: str = "http", port: int = 80) -> Target:
    return Target(scheme, host, port, "/hook")


async def post(guard: Guard, target: Target, tls: ssl.SSLContext | None = None) -> Reply:
    poster = Poster(guard, timeout=SECOND, tls=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return await poster.post(target, {"Content-Type": "application/json"}, b"{}")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", SPELLED.values(), ids=SPELLED)
async def test_an_address_spelled_out_is_never_connected_to(host: str, scheme: str):
    recorder, dns = Recorder(), Answers([*PUBLIC])
    reply = await post(Guard((), dns, recorder), to(host.strip("[]"), scheme))

    assert reply.error is AttemptError.BLOCKED_ADDRESS
    assert recorder.connected == []
    assert dns.asked == []


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_name_with_one_bad_address_is_never_connected_to(answer: list[str]):
    recorder = Recorder()
    reply = await post(Guard((), Answers(answer), recorder), to("hooks.example.com"))

    assert reply.error is AttemptError.BLOCKED_ADDRESS
    assert recorder.connected == []


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_connected_to_by_address(address: str):
    recorder = Recorder()
    reply = await post(Guard((), Answers([address]), recorder), to("hooks.example.com"))

    assert reply.error is AttemptError.CONNECTION_FAILED
    assert recorder.connected == [(address, 80)]


async def test_a_name_that_changes_its_mind_is_judged_and_used_once():
    recorder, dns = Recorder(), Answers(["8.8.8.8"], ["127.0.0.1"])
    guard = Guard((), dns, recorder)
    await post(guard, to("rebinding.example.com"))
    second = await post(guard, to("rebinding.example.com"))

    assert dns.asked == ["rebinding.example.com"] * 2
    assert recorder.connected == [("8.8.8.8", 80)]
    assert second.error is AttemptError.BLOCKED_ADDRESS


async def test_a_name_without_addresses_is_told_apart():
    reply = await post(Guard((), Answers([]), Recorder()), to("nowhere.example.com"))
    assert reply.error is AttemptError.NAME_NOT_RESOLVED


async def test_only_a_few_addresses_of_a_name_are_tried():
    recorder = Recorder()
    many = [f"8.8.8.{number}" for number in range(1, 50)]
    await post(Guard((), Answers(many), recorder), to("many.example.com"))
    assert len(recorder.connected) == 3


async def test_a_redirect_to_the_inside_is_not_followed():
    async with receiving("127.0.0.1") as inside, receiving("127.0.0.2") as outside:
        outside.usually = Answer(302, {"Location": inside.url})
        guard = Guard([OUTSIDE], SystemResolver())
        reply = await post(guard, target_of(outside.url, UrlPolicy(False, None, (OUTSIDE,))))

    assert reply.status == 302
    assert (outside.connections, inside.connections) == (1, 0)


async def test_an_inner_name_does_not_get_a_connection():
    async with receiving("127.0.0.1") as inside:
        port = int(inside.url.split(":")[2].split("/")[0])
        guard = Guard([OUTSIDE], Answers(["127.0.0.2", "127.0.0.1"]))
        reply = await post(guard, to("hooks.example.com", port=port))

    assert reply.error is AttemptError.BLOCKED_ADDRESS
    assert inside.connections == 0


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch):
    async with receiving("127.0.0.1") as proxy, receiving("127.0.0.2") as outside:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        guard = Guard([OUTSIDE], SystemResolver())
        reply = await post(guard, target_of(outside.url, UrlPolicy(False, None, (OUTSIDE,))))

    assert reply.status == 204
    assert (outside.connections, proxy.connections) == (1, 0)


async def test_a_certificate_is_checked_against_the_name_not_the_address():
    authority = Authority()
    guard = Guard([OUTSIDE], Answers(["127.0.0.2"]))
    for name, expected in {"hooks.test": None, "other.test": AttemptError.TLS_FAILED}.items():
        async with receiving("127.0.0.2", authority.server("hooks.test")) as receiver:
            port = int(receiver.url.split(":")[2].split("/")[0])
            reply = await post(guard, to(name, "https", port), authority.client())
            assert reply.error is expected, name
            assert len(receiver.received) == (expected is None)
            if receiver.received:
                assert receiver.received[0].headers["host"] == f"{name}:{port}"


async def test_a_certificate_of_an_unknown_authority_is_refused():
    guard = Guard([OUTSIDE], Answers(["127.0.0.2"]))
    async with receiving("127.0.0.2", Authority().server("hooks.test")) as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        reply = await post(guard, to("hooks.test", "https", port), Authority().client())

    assert reply.error is AttemptError.TLS_FAILED
    assert receiver.received == []


async def test_a_reply_without_end_is_read_only_so_far(receiver: Receiver):
    receiver.usually = Answer(200, body=b"x" * (4 * MOST_BYTES))
    guard = Guard([ip_network("127.0.0.0/8")], SystemResolver())
    reply = await post(guard, target_of(receiver.url, UrlPolicy(False, None, guard.networks)))

    assert reply.status == 200
    assert reply.excerpt == "x" * EXCERPT_CHARACTERS


async def test_a_reply_that_is_no_http_is_a_failure():
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example.com ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.2", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reply = await post(Guard([OUTSIDE], SystemResolver()), to("127.0.0.2", port=port))
    assert reply.error is AttemptError.BROKEN_REPLY


async def test_the_system_is_asked_once_for_all_who_ask_together():
    resolver = SystemResolver()
    found = await asyncio.gather(*(resolver("localhost") for _ in range(20)))
    assert all("127.0.0.1" in each for each in found)
    with pytest.raises(NameNotResolved):
        await resolver("a..b")
    resolver.close()


class Silent:
    """Name servers of one domain that answer when a test lets them; all others do at once."""

    def __init__(self, domain: str) -> None:
        self.domain, self.asked, self.answers = domain, list[str](), threading.Event()

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host.endswith(self.domain):
            self.answers.wait(30)
        return ["127.0.0.2"]


@pytest.mark.parametrize("domain", [".dead.example", ".dead.co.uk"])
async def test_a_domain_that_never_answers_leaves_threads_to_others(
    monkeypatch: pytest.MonkeyPatch, domain: str
):
    names, resolver = Silent(domain), SystemResolver()
    monkeypatch.setattr(guarding, "_addresses", names)
    dead = [asyncio.ensure_future(resolver(f"{number}{domain}")) for number in range(200)]
    try:
        async with asyncio.timeout(5):
            assert await resolver("alive.example") == ["127.0.0.2"]
            assert await resolver("alive.co.uk") == ["127.0.0.2"]
    finally:
        names.answers.set()
    assert await asyncio.gather(*dead) == [["127.0.0.2"]] * 200
    resolver.close()


async def test_a_name_that_nobody_waits_for_any_more_is_not_looked_up(
    monkeypatch: pytest.MonkeyPatch,
):
    names, resolver = Silent(".dead.example"), SystemResolver()
    monkeypatch.setattr(guarding, "_addresses", names)
    dead = [asyncio.ensure_future(resolver(f"{number}.dead.example")) for number in range(20)]
    await eventually(asked_of(names), lambda asked: len(asked) == guarding.LOOKUPS_PER_DOMAIN)
    first = [*names.asked]
    for each in dead:
        each.cancel()
    await asyncio.wait(dead)
    last = asyncio.ensure_future(resolver("last.dead.example"))
    names.answers.set()
    assert await last == ["127.0.0.2"]
    assert names.asked == [*first, "last.dead.example"]
    resolver.close()


def asked_of(names: Silent) -> Callable[[], Awaitable[list[str]]]:
    async def asked() -> list[str]:
        return names.asked

    return asked


def test_networks_that_are_allowed_are_allowed_and_nothing_else():
    allowed = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    assert may_connect(ip_address("10.1.2.3"), allowed)
    assert may_connect(ip_address("fd00::1"), allowed)
    assert not may_connect(ip_address("127.0.0.1"), allowed)
    assert not may_connect(ip_address("::ffff:10.1.2.3"), allowed)
