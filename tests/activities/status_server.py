"""A provider that says, poll by poll, what a test wrote down for it."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

CREATED = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-5.1",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}


def says(status: str | None, **more: Any) -> "Reply":
    """Return a reply that is a response with this status."""
    return Reply(body=json.dumps(CREATED | {"status": status} | more))


def completed(text: str = "done", name: str = "resp_1") -> "Reply":
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    return says("completed", output=[message], id=name)


@dataclass(frozen=True)
class Reply:
    """One answer to a request."""

    body: str = ""
    http_status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


@dataclass
class StatusServer:
    """Answers each response id's requests in order; the last answer is repeated for ever."""

    url: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    creates: list[Reply] = field(default_factory=list)
    cancels: dict[str, list[Reply]] = field(default_factory=dict)
    deletes: dict[str, list[Reply]] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    asked: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds_per_reply: float = 0.0
    hanging: asyncio.Event | None = None
    busy: int = 0
    most_busy: int = 0

    async def retrieve(self, request: web.Request) -> web.Response:
        response_id = request.match_info["response_id"]
        self.asked[response_id].append(time.monotonic())
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        await asyncio.sleep(self.seconds_per_reply)  # a slow provider
        self.busy -= 1
        return _next(self.replies[response_id])

    async def create(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        return _next(self.creates)

    async def delete(self, request: web.Request) -> web.Response:
        response_id = request.match_info["response_id"]
        self.asked[f"{response_id}/delete"].append(time.monotonic())
        if self.hanging is not None:
            await self.hanging.wait()
        return _next(self.deletes[response_id])

    async def cancel(self, request: web.Request) -> web.Response:
        response_id = request.match_info["response_id"]
        self.asked[f"{response_id}/cancel"].append(time.monotonic())
        if self.hanging is not None:
            await self.hanging.wait()
        return _next(self.cancels[response_id])


def _next(replies: list[Reply]) -> web.Response:
    reply = replies.pop(0) if len(replies) > 1 else replies[0]
    return web.Response(
        text=reply.body,
        status=reply.http_status,
        headers=reply.headers,
        content_type=reply.media_type,
    )


@asynccontextmanager
async def status_server() -> AsyncIterator[StatusServer]:
    """Serve on a free port of this machine for as long as the block lasts."""
    server = StatusServer()
    app = web.Application()
    app.router.add_get("/v1/responses/{response_id}", server.retrieve)
    app.router.add_delete("/v1/responses/{response_id}", server.delete)
    app.router.add_post("/v1/responses", server.create)
    app.router.add_post("/v1/responses/{response_id}/cancel", server.cancel)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        server.url = f"http://127.0.0.1:{port}/v1"
        yield server
    finally:
        await runner.cleanup()
