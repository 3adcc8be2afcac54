"""The lean client takes the way to the provider that the environment names."""

import base64
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from activities.lean_client import Glance, LeanClient

ELSEWHERE = "http://provider.invalid/v1"


class Proxy:
    """Answers for everybody, and writes down what it was asked."""

    def __init__(self) -> None:
        self.address = ""
        self.asked: list[tuple[str, str | None]] = []

    async def pass_on(self, request: web.BaseRequest) -> web.Response:
        self.asked.append((str(request.url), request.headers.get("Proxy-Authorization")))
        return web.json_response({"status": "completed"})


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    proxy = Proxy()
    runner = web.ServerRunner(web.Server(proxy.pass_on))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    proxy.address = "{}:{}".format(*runner.addresses[0])
    yield proxy
    await runner.cleanup()


async def looked() -> Glance:
    async with LeanClient(ELSEWHERE, {}) as client:
        return await client.look("resp_1")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_the_proxy_of_the_environment_is_used(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str
):
    monkeypatch.setenv(name, f"{scheme}{proxy.address}")
    assert await looked() == Glance("completed")
    assert proxy.asked == [(f"{ELSEWHERE}/responses/resp_1", None)]


async def test_the_proxy_is_told_who_asks(proxy: Proxy, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://us%40er:s%3Acret@{proxy.address}")
    assert await looked() == Glance("completed")
    told = base64.b64encode(b"us@er:s:cret").decode()
    assert proxy.asked == [(f"{ELSEWHERE}/responses/resp_1", f"Basic {told}")]


async def test_some_servers_are_not_behind_the_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
    monkeypatch.setenv("NO_PROXY", "provider.invalid")
    assert await looked() == Glance()  # there is no such server
    assert proxy.asked == []
