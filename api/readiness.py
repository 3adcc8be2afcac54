"""Whether the gateway's neighbours answer; asked now and then, however often somebody wonders."""

import asyncio
import logging
import time
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from api.gateway import Gateway
from storage import executions

LOG = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=2)

FRESH_SECONDS = 5.0
"""Anybody may ask, and each look writes an object, for which a store takes money. Load balancers
ask every five to ten seconds, so that they learn of an outage hardly later."""

SILENT_SECONDS = 1.0
"""Who waits for a start or for the end of an outage asks more often."""


class Readiness:
    """Knows which neighbours were silent when they were last asked."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._asking = asyncio.Lock()
        self._silent: list[str] = []
        self._known_until = 0.0

    async def silent(self) -> list[str]:
        """Return the names of those that do not answer; many who ask at once wait for one look."""
        async with self._asking:
            if time.monotonic() >= self._known_until:
                self._silent = await self._look()
                seconds = SILENT_SECONDS if self._silent else FRESH_SECONDS
                self._known_until = time.monotonic() + seconds
            return self._silent

    async def _look(self) -> list[str]:
        gateway = self._gateway
        probes = {
            "postgres": gateway.db.fetchval("SELECT 1"),
            "temporal": executions.probe(gateway.temporal, PATIENCE),
            "objects": gateway.objects.probe(),
        }
        bounded = [asyncio.wait_for(each, PATIENCE.total_seconds()) for each in probes.values()]
        outcomes = await asyncio.gather(*bounded, return_exceptions=True)
        answers = dict(zip(probes, outcomes, strict=True))
        silent = {name: each for name, each in answers.items() if isinstance(each, BaseException)}
        for name, reason in silent.items():
            LOG.warning("%s is not ready: %r", name, reason)
        return list(silent)


async def _readiness(request: Request) -> Readiness:
    readiness: Readiness = request.app.state.readiness
    return readiness


ReadinessIn = Annotated[Readiness, Depends(_readiness)]
