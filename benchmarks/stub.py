"""A provider that costs next to nothing: `python -m benchmarks.stub --port N`.

It speaks just enough of the Responses API for the engine. A model named `stub-2.5` takes 2.5
seconds per response; with `--webhook` the end of each one is announced, signed, as OpenAI would.
"""

import argparse
import asyncio
import itertools
import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import uvloop
from aiohttp import web

from jobs.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

ANSWER = "The pilot ran for six weeks and cut costs by 14 percent."
INPUT_TOKENS, OUTPUT_TOKENS = 1000, 100
TOKENS = INPUT_TOKENS + OUTPUT_TOKENS
ECHO = re.compile(rb"#\d+#")
"""What stands like this in a request stands in the answer as well: whose answer it is."""

TOLD_AT_ONCE = 64
COMMON = {
    "object": "response",
    "created_at": 0,
    "background": True,
    "tools": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "service_tier": "default",
}


@dataclass
class Made:
    """One response that was created."""

    id: str
    model: str
    metadata: dict[str, str]
    ends_at: float
    echo: str = ""
    canceled: bool = False

    @property
    def status(self) -> str:
        """Where it stands, by the clock alone."""
        if self.canceled:
            return "cancelled"
        return "completed" if time.time() >= self.ends_at else "in_progress"

    def body(self) -> dict[str, Any]:
        """Return what the API would."""
        status = self.status
        done = status == "completed"
        answer = f"{ANSWER} {self.echo}".strip()
        text = {"type": "output_text", "text": answer, "annotations": []}
        message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
        return {
            **COMMON,
            "id": self.id,
            "model": self.model,
            "status": status,
            "metadata": self.metadata,
            "output": [{**message, "content": [text]}] if done else [],
            "usage": usage() if done else None,
        }


def usage() -> dict[str, Any]:
    """Return the tokens of every response."""
    return {
        "input_tokens": INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": TOKENS,
    }


class Stub:
    """The routes, and the list of everything ever created."""

    def __init__(self, webhook: str | None, secret: str) -> None:
        self._webhook, self._secret = webhook, secret
        self._made: dict[str, Made] = {}
        self._numbers = itertools.count(1)
        self._calls: Counter[str] = Counter()
        self._gate = asyncio.Semaphore(TOLD_AT_ONCE)
        self._telling: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application()
        app.router.add_post("/v1/responses", self.create)
        app.router.add_get("/v1/responses/{id}", self.retrieve)
        app.router.add_post("/v1/responses/{id}/cancel", self.cancel)
        app.router.add_get("/ledger", self.ledger)
        app.router.add_get("/calls", self.calls)
        app.router.add_get("/ready", self.ready)
        app.cleanup_ctx.append(self._open_session)
        return app

    async def _open_session(self, _: web.Application) -> Any:
        async with aiohttp.ClientSession() as self._session:
            yield

    async def create(self, request: web.Request) -> web.Response:
        """Create a response; its model's name says how long it takes."""
        self._calls["create"] += 1
        body = await request.read()
        wanted, echo = json.loads(body), ECHO.search(body)
        seconds = float(wanted["model"].partition("-")[2])
        made = Made(
            id=f"resp_{next(self._numbers)}",
            model=wanted["model"],
            metadata=wanted.get("metadata") or {},
            ends_at=time.time() + seconds,
            echo=echo[0].decode() if echo else "",
        )
        self._made[made.id] = made
        if self._webhook:
            asyncio.get_running_loop().call_later(seconds, self._tell_soon, made)
        return web.json_response(made.body())

    async def retrieve(self, request: web.Request) -> web.Response:
        """Return a response as it stands."""
        self._calls["retrieve"] += 1
        return web.json_response(self._made[request.match_info["id"]].body())

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel a response unless it has ended."""
        made = self._made[request.match_info["id"]]
        made.canceled = made.status == "in_progress"
        return web.json_response(made.body())

    async def ledger(self, _: web.Request) -> web.Response:
        """List everything ever created."""
        return web.json_response(
            [
                {
                    "id": each.id,
                    "metadata": each.metadata,
                    "ends_at": each.ends_at,
                    "tokens": TOKENS if each.status == "completed" else 0,
                }
                for each in self._made.values()
            ]
        )

    async def calls(self, _: web.Request) -> web.Response:
        """Count the requests by kind."""
        return web.json_response(self._calls)

    async def ready(self, _: web.Request) -> web.Response:
        """Answer."""
        return web.json_response({})

    def _tell_soon(self, made: Made) -> None:
        task = asyncio.create_task(self._tell(made))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, made: Made) -> None:
        if self._session is None or self._webhook is None:
            return
        event = {"id": f"evt_{made.id}", "type": "response.completed", "data": {"id": made.id}}
        body, now = json.dumps(event).encode(), datetime.now(UTC)
        webhook_id = f"wh_{made.id}"
        headers = {
            ID_HEADER: webhook_id,
            TIMESTAMP_HEADER: str(int(now.timestamp())),
            SIGNATURE_HEADER: sign(self._secret, webhook_id, now, body),
        }
        async with self._gate:
            try:
                async with self._session.post(self._webhook, data=body, headers=headers):
                    return
            except aiohttp.ClientError:
                return  # a gateway that is down hears nothing; the worker's polls have to do


async def main(port: int, webhook: str | None, secret: str) -> None:
    """Serve until told to stop."""
    runner = web.AppRunner(Stub(webhook, secret).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--webhook")
    parser.add_argument("--secret", default="")
    given = parser.parse_args()
    uvloop.run(main(given.port, given.webhook, given.secret))
