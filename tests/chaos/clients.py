"""Clients that work while everything breaks, and write down what they were told."""

import asyncio
import json
import random
from typing import Any

import aiohttp

from tests.chaos.diary import Diary
from tests.chaos.world import World

TEXT = "The pilot ran for six weeks and cut costs by 14 percent. "
TIMEOUT = aiohttp.ClientTimeout(total=8)
PAUSE = 0.3
TERMINAL = ("succeeded", "failed", "canceled")

TROUBLES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"fault": "drop_after"},
    {"fault": "drop_before"},
    {"fault": "server_error"},
    {"fault": "rate_limited", "retry_after_seconds": 0.5},
    {"fault": "slow_reply", "reply_delay_seconds": 2},
    {"outcome": "failed", "error_code": "server_error"},
    {"webhook": "late", "webhook_delay_seconds": 3},
    {"webhook": "duplicate"},
    {"webhook": "early"},
    {"lag_seconds": 1},
)
"""What the provider does to a response; nothing happens to the most of them."""


class Client:
    """One client of the gateway; it repeats what got no answer, under the same key."""

    def __init__(self, world: World, diary: Diary, seed: str) -> None:
        self._world, self._diary = world, diary
        self._dice = random.Random(seed)
        self._name = seed

    async def work(self, jobs: int) -> None:
        """Submit jobs one after the other, canceling some, and follow each to its end."""
        following: list[asyncio.Task[None]] = []
        for number in range(jobs):
            await asyncio.sleep(self._dice.uniform(0, 1.5))
            key = f"{self._name}-{number}"
            body, cancel_after = self._job(), self._cancel_after()
            following.append(asyncio.create_task(self._one(key, body, cancel_after)))
        await asyncio.gather(*following)

    def _job(self) -> dict[str, Any]:
        script = dict(self._dice.choice(TROUBLES))
        script |= {"queued_seconds": 0, "run_seconds": self._dice.uniform(0.1, 4)}
        text = f"{TEXT * self._dice.randint(1, 40)}[[emulator: {json.dumps(script)}]]"
        if self._dice.random() < 0.5:
            return {"type": "summarize_text", "payload": {"text": text}}
        return {"type": "combine_summaries", "payload": {"summaries": [text, TEXT]}}

    def _cancel_after(self) -> float | None:
        return self._dice.uniform(0, 4) if self._dice.random() < 0.2 else None

    async def _one(self, key: str, body: dict[str, Any], cancel_after: float | None) -> None:
        job_id = (await self._insist("submit", "POST", "/api/jobs", key, body))["job_id"]
        if cancel_after is not None:
            await asyncio.sleep(cancel_after)
            await self._insist("cancel", "POST", f"/api/jobs/{job_id}/cancel", key, {})
        while True:
            job = await self._insist("look", "GET", f"/api/jobs/{job_id}", key)
            if job["status"] in TERMINAL:
                return
            await asyncio.sleep(PAUSE)

    async def _insist(
        self, what: str, method: str, path: str, key: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask until there is an answer; every try and every answer goes into the diary."""
        headers = {"Idempotency-Key": key} if what == "submit" else {}
        while True:
            self._diary.write("invoke", op=what, key=key)
            try:
                async with self._world.http.request(
                    method, self._world.gateway + path, json=body, headers=headers, timeout=TIMEOUT
                ) as reply:
                    answer: dict[str, Any] = await reply.json()
                    status = reply.status
            except (aiohttp.ClientError, TimeoutError) as error:
                self._diary.write("fail", op=what, key=key, error=type(error).__name__)
            else:
                told = {name: answer.get(name) for name in ("job_id", "status", "code", "error")}
                kind = "ok" if status < 400 else "refused"
                self._diary.write(kind, op=what, key=key, http=status, told=told)
                if kind == "ok":
                    return answer
                assert status in (409, 503), f"{what} was refused with {status}: {answer}"
            await asyncio.sleep(PAUSE)
