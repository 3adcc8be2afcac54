"""The endpoints under `/v1/responses`.

They are plain functions of a request: bodies are checked against the SDK's types and errors have
OpenAI's shape, so FastAPI's own parsing would only cost time on the polls.
"""

import uuid
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from local.openai_emulator.answers import compose, count_tokens, input_tokens, user_text
from local.openai_emulator.bodies import json_body
from local.openai_emulator.errors import ApiError, not_emulated, not_found, unknown_parameter
from local.openai_emulator.faults import CutConnection, is_gone_within, refusal
from local.openai_emulator.ledger import Record
from local.openai_emulator.scripts import Fault, Script
from local.openai_emulator.state import State
from local.openai_emulator.validation import check_create

_MODELS = ("gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra")
_MODEL_OF_PROMPTS = "gpt-6-sol"


class ResponsesApi:
    """Create, retrieve, cancel and delete responses."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._ledger = state.ledger
        self._book = state.book

    async def create(self, request: Request) -> Response:
        """Accept a response, unless the request is wrong or its script says otherwise."""
        body = self._spoken(await json_body(request))
        before = self._previous(body.get("previous_response_id"))
        attached = self._state.files.text_for(body)
        said = "\n\n".join(text for text in (user_text(body), attached) if text)
        script = self._book.choose(body, request.headers.get("x-emulator-script"), said)
        fault = script.fault
        if fault and not self._book.strikes(fault, script, body):
            fault = None
        if fault and (error := refusal(fault, script, body["model"])):
            raise error
        if fault == "drop_before":
            return CutConnection()
        read = input_tokens(body) + count_tokens(attached)
        headers = self._state.limits.take(body["model"], read)
        record = self._accept(request, body, script, before, (said, read))
        await self._announce(record)
        return await self._answer(request, record, fault, headers | script.headers)

    async def retrieve(self, request: Request) -> Response:
        """Return a response as it is now."""
        if request.query_params.get("stream") == "true":
            raise not_emulated("stream")
        for name in request.query_params:
            if name not in ("include", "include[]", "include_obfuscation", "stream"):
                raise unknown_parameter(name)
        record = self._find(request)
        self._strike(record, "retrieve", record.script.retrieve_fault)
        return self._reply(record, as_id=record.other_id)

    async def cancel(self, request: Request) -> Response:
        """Cancel a background response; one that has ended is returned as it is."""
        record = self._find(request)
        self._strike(record, "cancel", record.script.cancel_fault)
        if not record.body.get("background"):
            raise ApiError(400, "Only responses created with background=true can be cancelled.")
        now = self._ledger.now()
        status = self._state.tuning.dialect.cancel_ended_status
        if status != 200 and record.terminal_at(now) is not None:
            message = f"Cannot cancel a response with status {record.status(now)!r}."
            raise ApiError(status, message)
        record.cancel(now)
        self._state.dispatcher.watch(record)
        return self._reply(record, as_id=record.other_id)

    async def delete(self, request: Request) -> Response:
        """Forget a response; the ledger of the admin API still lists it."""
        record = self._find(request)
        record.deleted = True
        return JSONResponse({"id": record.id, "object": "response", "deleted": True})

    async def models(self, request: Request) -> Response:  # noqa: ARG002 - every endpoint takes the request
        """List a few models; the emulator answers for any name."""
        listed = [
            {"id": name, "object": "model", "created": 1_788_393_600, "owned_by": "emulator"}
            for name in _MODELS
        ]
        return JSONResponse({"object": "list", "data": listed})

    def _spoken(self, body: dict[str, Any]) -> dict[str, Any]:
        """Check a create body and understand it as the server of the dialect does."""
        check_create(body)
        dialect = self._state.tuning.dialect
        if body.get("background") and dialect.background == "refused":
            message = "This server does not support 'background'."
            raise ApiError(400, message, param="background", code="unsupported_parameter")
        if dialect.background == "ignored":
            body = {key: value for key, value in body.items() if key != "background"}
        return body if body.get("model") else body | {"model": _MODEL_OF_PROMPTS}

    def _find(self, request: Request) -> Record:
        response_id = request.path_params["response_id"]
        record = self._ledger.find(response_id)
        if record is None:
            raise not_found(response_id, self._state.tuning.dialect.missing_status)
        return record

    def _previous(self, response_id: str | None) -> Record | None:
        if response_id is None:
            return None
        record = self._ledger.find(response_id)
        if record is None:
            message = f"Previous response with id {response_id!r} not found."
            code = "previous_response_not_found"
            raise ApiError(400, message, param="previous_response_id", code=code)
        return record

    def _strike(self, record: Record, call: str, fault: Fault | None) -> None:
        if fault and self._book.strikes_call(call, record.script, record.id):
            error = refusal(fault, record.script, record.body["model"])
            if error:
                raise error

    def _accept(
        self,
        request: Request,
        body: dict[str, Any],
        script: Script,
        before: Record | None,
        said_and_read: tuple[str, int],
    ) -> Record:
        said, read = said_and_read
        text = "\n\n".join([before.text, said] if before else [said])
        misshapen = script.outcome == "bad_json" and self._book.strikes("bad_json", script, body)
        answer = compose(body, text, script, misshapen=misshapen)
        response_id = f"resp_{uuid.uuid4().hex}"
        tuning = self._state.tuning
        window = (body.get("background_options") or {}).get("completion_window", "soonest")
        queued, run = self._ledger.schedule(script, response_id, answer, window)
        now = self._ledger.now()
        lag = tuning.lag_seconds if script.lag_seconds is None else script.lag_seconds
        kept = tuning.expire_seconds if script.expire_seconds is None else script.expire_seconds
        record = Record(
            id=response_id,
            # Inputs can be long and are no longer needed; what is echoed is kept.
            body={key: value for key, value in body.items() if key != "input"},
            text=text,
            answer=answer,
            input_tokens=read
            + (before.input_tokens + before.answer.output_tokens if before else 0),
            request_id=request.scope["emulator.request_id"],
            client_request_id=request.headers.get("x-client-request-id"),
            created_at=now,
            runs_at=now + queued,
            finishes_at=now + queued + run,
            script=script,
            visible_at=now + lag,
            kept_seconds=kept,
            other_id=f"resp_{uuid.uuid4().hex}" if tuning.dialect.rewritten_ids else None,
            shows_usage_details=tuning.dialect.usage_details,
        )
        self._ledger.add(record)
        return record

    async def _announce(self, record: Record) -> None:
        """Have the response's end announced, or announce it before the reply if told so."""
        mode = record.script.webhook or self._state.tuning.webhook
        if mode == "early" and record.body.get("background"):
            await self._state.dispatcher.announce_early(record)
        self._state.dispatcher.watch(record)

    async def _answer(
        self, request: Request, record: Record, fault: Fault | None, headers: dict[str, str]
    ) -> Response:
        """Reply to an accepted create, when it is time and as the fault allows."""
        if fault == "drop_after":
            return CutConnection()
        if fault == "server_error_after":
            message = "The server had an error while processing your request."
            code = record.script.error_code
            raise ApiError(500, message, kind="server_error", code=code, headers=headers)
        if fault == "slow_reply":
            await is_gone_within(request, record.script.reply_delay_seconds)
        background = record.body.get("background")
        while not background and (left := record.finishes_at - self._ledger.now()) > 0:
            if await is_gone_within(request, left):
                break
        reply = self._reply(record, headers)
        if fault == "garbled_reply":
            half = bytes(reply.body)[: len(reply.body) // 2]
            return Response(half, headers=headers, media_type="application/json")
        return reply

    def _reply(
        self, record: Record, headers: dict[str, str] | None = None, *, as_id: str | None = None
    ) -> Response:
        rendered = record.render(self._ledger.now(), as_id=as_id)
        return Response(rendered, headers=headers, media_type="application/json")
