"""Clients that work while everything breaks, and write down what they were told."""

import asyncio
import random
from typing import Any

import aiohttp

from tests.chaos.diary import Diary
from tests.chaos.errands import Errand, draw
from tests.chaos.world import World

TIMEOUT = aiohttp.ClientTimeout(total=8)
PAUSE = 0.3
TERMINAL = ("succeeded", "failed", "canceled")

REFUSALS = (409, 503)
"""What a gateway in a storm may answer besides success; any other refusal breaks a promise."""

TOLD = ("job_id", "key", "status", "state", "code", "error")


class Client:
    """One client of the gateway; it repeats what got no answer, under the same key."""

    def __init__(self, world: World, diary: Diary, seed: str) -> None:
        self._world, self._diary = world, diary
        self._dice = random.Random(seed)
        self._name = seed

    async def work(self, jobs: int) -> None:
        """Submit jobs one after the other, canceling some, and follow each to its end."""
        async with asyncio.TaskGroup() as following:
            for number in range(jobs):
                await asyncio.sleep(self._dice.uniform(0, 1.5))
                following.create_task(self._one(f"{self._name}-{number}", draw(self._dice)))

    async def _one(self, key: str, errand: Errand) -> None:
        body = errand.body | {"callback_url": self._world.ear.url}
        job_id = (await self._insist("submit", "POST", "/api/jobs", key, body))["job_id"]
        path = f"/api/jobs/{job_id}"
        if errand.cancel_after is not None:
            await asyncio.sleep(errand.cancel_after)
            await self._insist("cancel", "POST", f"{path}/cancel", key, {})
        while (job := await self._insist("look", "GET", path, key))["status"] not in TERMINAL:
            for asked in job["approvals"]:
                await self._approve(key, asked)
            await asyncio.sleep(PAUSE)
        if job["status"] == "succeeded":
            await self._insist("read", "GET", f"{path}/result", key)

    async def _approve(self, key: str, asked: dict[str, Any]) -> None:
        """Approve once; if no answer came, the next look shows whether it has to be repeated."""
        body = {"key": asked["key"], "digest": asked["digest"], "comment": key}
        await self._ask("approve", "POST", asked["links"]["approve"], key, body)

    async def _insist(
        self, what: str, method: str, path: str, key: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask until there is a good answer."""
        while (answer := await self._ask(what, method, path, key, body)) is None:
            await asyncio.sleep(PAUSE)
        return answer

    async def _ask(
        self, what: str, method: str, path: str, key: str, body: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """Ask once; the try and its answer go into the diary. Returns None unless it was good."""
        headers = {"Idempotency-Key": key} if what == "submit" else {}
        self._diary.write("invoke", op=what, key=key)
        try:
            async with self._world.http.request(
                method, self._world.gateway + path, json=body, headers=headers, timeout=TIMEOUT
            ) as reply:
                answer: dict[str, Any] = await reply.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._diary.write("fail", op=what, key=key, error=type(error).__name__)
            return None
        told = {name: answer[name] for name in TOLD if name in answer}
        good = reply.status < 400
        kind = "ok" if good else "refused" if reply.status in REFUSALS else "astray"
        self._diary.write(kind, op=what, key=key, http=reply.status, told=told)
        return answer if good else None
