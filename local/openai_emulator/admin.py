"""The admin API, `/__admin`: look into the emulator and tell it what to do next."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, ValidationError

from local.openai_emulator.forging import Forgery, forge
from local.openai_emulator.scripts import Rule, Script
from local.openai_emulator.state import State


class ScriptChange(BaseModel):
    """Replace the default script, the rules, or both; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    default: Script | None = None
    rules: list[Rule] | None = None


def admin_router(state: State) -> APIRouter:
    """Build the admin routes over one emulator's state."""
    router = APIRouter(prefix="/__admin")
    ledger, book = state.ledger, state.book

    @router.get("/ledger")
    async def list_ledger(since: float = 0.0) -> list[dict[str, Any]]:
        now = ledger.now()
        records = ledger.records.values()
        return [record.ledger_entry(now) for record in records if record.created_at >= since]

    @router.get("/calls")
    async def count_calls() -> dict[str, int]:
        return dict(state.calls)

    @router.post("/script", status_code=204)
    async def set_script(change: ScriptChange) -> None:
        if change.default is not None:
            book.default = change.default
        if change.rules is not None:
            book.set_rules(change.rules)

    @router.post("/settings", status_code=204)
    async def change_settings(changes: dict[str, Any]) -> None:
        _change_settings(state, changes)

    @router.post("/responses/{response_id}/complete")
    async def complete(response_id: str) -> dict[str, Any]:
        record = ledger.records.get(response_id)
        if record is None:
            raise HTTPException(404, f"Response with id {response_id!r} not found.")
        record.finish(ledger.now())
        state.dispatcher.watch(record)
        return record.ledger_entry(ledger.now())

    @router.post("/reset", status_code=204)
    async def reset() -> None:
        state.reset()

    _add_webhook_routes(router, state)
    return router


def _change_settings(state: State, changes: dict[str, Any]) -> None:
    try:
        state.tuning.change(changes)
    except ValidationError as error:
        raise HTTPException(422, str(error)) from error


def _add_webhook_routes(router: APIRouter, state: State) -> None:
    @router.get("/deliveries")
    async def list_deliveries(since: float = 0.0) -> list[dict[str, Any]]:
        return [line for line in state.dispatcher.attempts if line["sent_at"] >= since]

    @router.post("/webhooks/forge")
    async def forge_webhook(forgery: Forgery) -> list[dict[str, Any]]:
        return await forge(state.dispatcher, forgery, state.ledger.now())
