"""The admin API, `/__admin`: look into the emulator and tell it what to do next."""

from collections import Counter
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from local.openai_emulator.ledger import Ledger
from local.openai_emulator.scripts import Rule, Script, ScriptBook
from local.openai_emulator.settings import EmulatorSettings


class ScriptChange(BaseModel):
    """Replace the default script, the rules, or both; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    default: Script | None = None
    rules: list[Rule] | None = None


class SettingsChange(BaseModel):
    """Change the usual latency of the responses created from now on."""

    model_config = ConfigDict(extra="forbid")

    latency_seconds: float = Field(ge=0, le=86_400)


def admin_router(
    ledger: Ledger, book: ScriptBook, calls: Counter[str], settings: EmulatorSettings
) -> APIRouter:
    """Build the admin routes over one emulator's state."""
    router = APIRouter(prefix="/__admin")

    @router.get("/ledger")
    async def list_ledger(since: float = 0.0) -> list[dict[str, Any]]:
        now = ledger.now()
        records = ledger.records.values()
        return [record.ledger_entry(now) for record in records if record.created_at >= since]

    @router.get("/calls")
    async def count_calls() -> dict[str, int]:
        return dict(calls)

    @router.post("/script", status_code=204)
    async def set_script(change: ScriptChange) -> None:
        if change.default is not None:
            book.default = change.default
        if change.rules is not None:
            book.set_rules(change.rules)

    @router.post("/settings", status_code=204)
    async def change_settings(change: SettingsChange) -> None:
        ledger.latency_seconds = change.latency_seconds

    @router.post("/responses/{response_id}/complete")
    async def complete(response_id: str) -> dict[str, Any]:
        record = ledger.records.get(response_id)
        if record is None:
            raise HTTPException(404, f"Response with id {response_id!r} not found.")
        record.finish(ledger.now())
        return record.ledger_entry(ledger.now())

    @router.post("/reset", status_code=204)
    async def reset() -> None:
        ledger.records.clear()
        ledger.latency_seconds = settings.latency_seconds
        book.clear()
        calls.clear()

    return router
