"""The endpoints under `/v1`.

They are plain functions of a request: bodies are checked against the SDK's types and errors have
OpenAI's shape, so FastAPI's own parsing would only cost time on the polls.
"""

import json
import uuid
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from local.openai_emulator.answers import compose, input_tokens, user_text
from local.openai_emulator.errors import ApiError, not_emulated, not_found
from local.openai_emulator.faults import CutConnection, is_gone_within, refusal
from local.openai_emulator.ledger import Ledger, Record
from local.openai_emulator.scripts import Script, ScriptBook
from local.openai_emulator.validation import check_create

_MODELS = ("gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra")
_RATE_HEADERS = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "30000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "0s",
}


class ResponsesApi:
    """Create, retrieve, cancel and delete responses."""

    def __init__(self, ledger: Ledger, book: ScriptBook) -> None:
        self._ledger = ledger
        self._book = book

    async def create(self, request: Request) -> Response:
        """Accept a response, unless the request is wrong or its script says otherwise."""
        body = await _json_body(request)
        check_create(body)
        before = self._previous(body.get("previous_response_id"))
        text = "\n\n".join([before.text, user_text(body)] if before else [user_text(body)])
        script = self._book.choose(body, request.headers.get("x-emulator-script"), user_text(body))
        struck = script.fault is not None and self._book.strikes(script.fault, script, body)
        if struck and (error := refusal(script, body["model"])):
            raise error
        if struck and script.fault == "drop_before":
            return CutConnection()
        record = self._accept(request, body, text, script, before)
        if struck and script.fault == "drop_after":
            return CutConnection()
        if struck and script.fault == "slow_reply":
            await is_gone_within(request, script.reply_delay_seconds)
        while not body.get("background") and (left := record.finishes_at - self._ledger.now()) > 0:
            if await is_gone_within(request, left):
                break
        tokens = {"x-ratelimit-remaining-tokens": str(30_000_000 - record.input_tokens)}
        return self._reply(record, _RATE_HEADERS | tokens)

    async def retrieve(self, request: Request) -> Response:
        """Return a response as it is now."""
        if request.query_params.get("stream") == "true":
            raise not_emulated("stream")
        for name in request.query_params:
            if name not in ("include", "include[]", "include_obfuscation", "stream"):
                raise _unknown(name)
        return self._reply(self._find(request))

    async def cancel(self, request: Request) -> Response:
        """Cancel a background response; one that has ended is returned as it is."""
        record = self._find(request)
        if not record.body.get("background"):
            raise ApiError(400, "Only responses created with background=true can be cancelled.")
        record.cancel(self._ledger.now())
        return self._reply(record)

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

    def _find(self, request: Request) -> Record:
        response_id = request.path_params["response_id"]
        record = self._ledger.find(response_id)
        if record is None:
            raise not_found(response_id)
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

    def _accept(
        self,
        request: Request,
        body: dict[str, Any],
        text: str,
        script: Script,
        before: Record | None,
    ) -> Record:
        misshapen = script.outcome == "bad_json" and self._book.strikes("bad_json", script, body)
        answer = compose(body, text, script, misshapen=misshapen)
        response_id = f"resp_{uuid.uuid4().hex}"
        queued, run = self._ledger.schedule(script, response_id, answer)
        now = self._ledger.now()
        context = before.input_tokens + before.answer.output_tokens if before else 0
        record = Record(
            id=response_id,
            # Inputs can be long and are no longer needed; what is echoed is kept.
            body={key: value for key, value in body.items() if key != "input"},
            text=text,
            answer=answer,
            input_tokens=context + input_tokens(body),
            request_id=request.scope["emulator.request_id"],
            client_request_id=request.headers.get("x-client-request-id"),
            created_at=now,
            runs_at=now + queued,
            finishes_at=now + queued + run,
        )
        self._ledger.records[response_id] = record
        return record

    def _reply(self, record: Record, headers: dict[str, str] | None = None) -> Response:
        rendered = record.render(self._ledger.now())
        return Response(rendered, headers=headers, media_type="application/json")


async def _json_body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise ApiError(400, "We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict):
        raise ApiError(400, "The body of your request must be a JSON object.")
    return body


def _unknown(name: str) -> ApiError:
    return ApiError(400, f"Unknown parameter: {name!r}.", param=name, code="unknown_parameter")
