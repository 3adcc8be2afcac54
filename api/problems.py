"""Every error leaves the gateway as a problem document (RFC 9457)."""

import json
import logging
import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from jobs.errors import (
    CallbackNotFound,
    DocumentNotFound,
    EndpointNotFound,
    InternalError,
    InvalidPayload,
    InvalidRequest,
    JobError,
    JobNotFound,
    MethodNotAllowed,
    RequestTooLarge,
    ScheduleNotFound,
    Unauthenticated,
    UnknownRoute,
    UnsupportedMediaType,
)
from jobs.mistakes import MOST_MISTAKES
from jobs.pointers import pointer
from jobs.result_links import without_token
from jobs.wording import said

LOG = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
"""Served as Retry-After of errors that may pass when they do not know better themselves."""

MOST_LETTERS = 100_000
"""In all pointers and details of a reply: each of them may repeat a name of megabytes."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Mistake(BaseModel):
    """One thing that is wrong with the request."""

    pointer: str | None = Field(
        default=None, description="RFC 6901 pointer into the body.", examples=["/payload/text"]
    )
    parameter: str | None = Field(
        default=None, description="Name of the query parameter or header.", examples=["limit"]
    )
    detail: str = Field(examples=["Field required"])


class JobFailureView(BaseModel):
    """Why a job failed, and what to do about it."""

    code: str = Field(examples=["tries_exhausted"])
    message: str
    advice: str


class Problem(BaseModel):
    """What went wrong, for programs (`code`) and for people (`detail`, `advice`)."""

    type: str = Field(description="Where this kind of error is explained.")
    title: str
    status: int
    detail: str
    code: str
    advice: str
    request_id: str
    errors: list[Mistake] = Field(
        default=[], description=f"What is wrong with the request; {MOST_MISTAKES} at the most."
    )
    more_errors: bool | None = Field(
        default=None, description="True where the request has more mistakes than `errors` tells."
    )
    job_error: JobFailureView | None = Field(
        default=None, description="With `no_result`: why the job has none."
    )

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "type": "/docs/errors#invalid_payload",
                    "title": "Invalid payload",
                    "status": 422,
                    "detail": "the body has 1 mistake",
                    "code": "invalid_payload",
                    "advice": "Each entry of `errors` points at one mistake.",
                    "request_id": "b3c1f2a45d6e4f708192a3b4c5d6e7f8",
                    "errors": [{"pointer": "/payload/text", "detail": "Field required"}],
                }
            ]
        }
    }


class Refusal(Exception):
    """A `JobError` with what only HTTP can say about it."""

    def __init__(
        self,
        error: JobError,
        *,
        status: int | None = None,
        errors: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        job_error: JobFailureView | None = None,
    ) -> None:
        super().__init__(error.detail)
        self.error = error
        self.status = status or error.http_status
        self.errors = errors or getattr(error, "errors", [])
        self.headers = headers or {}
        self.job_error = job_error


def install(app: FastAPI) -> None:
    """Have the application answer every error with a problem document."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(JobError, _job_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _defect)


def respond(request_id: str, refusal: Refusal) -> Response:
    """Turn a refusal into a reply."""
    error, told = refusal.error, _told(refusal.errors)
    problem = Problem(
        type=f"/docs/errors#{error.code}",
        title=error.title,
        status=refusal.status,
        detail=error.detail,
        code=error.code,
        advice=error.advice,
        request_id=request_id,
        errors=told,
        more_errors=len(told) < len(refusal.errors) or None,
        job_error=refusal.job_error,
    )
    headers = dict(refusal.headers)
    if refusal.status == Unauthenticated.http_status:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="backburner"')
    if error.retryable and refusal.status != InternalError.http_status:
        headers["Retry-After"] = str(math.ceil(error.retry_after_seconds or RETRY_SECONDS))
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, refusal.status, headers, media_type=MEDIA_TYPE)


def _told(errors: Sequence[dict[str, Any]]) -> list[Mistake]:
    """Return the first mistakes: as many as somebody reads, and no reply many times its request."""
    told, letters = list[Mistake](), 0
    for each in errors[:MOST_MISTAKES]:
        letters += len(each.get("pointer") or "") + len(each["detail"])
        if told and letters > MOST_LETTERS:
            break
        told.append(Mistake.model_validate(each))
    return told


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problem documents of a route for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    every: dict[int | str, Any] = {
        status: {"description": _MEANINGS[status], "content": content} for status in statuses
    }
    return {**every, "default": {"description": "Any other error.", "content": content}}


_MEANINGS = {
    400: "The request is malformed.",
    401: "The API token is missing or unknown.",
    403: "The signed link does not count, or not any more.",
    404: "There is no such thing, or it belongs to another tenant.",
    409: "Not at this moment of the job's life.",
    413: "The body is too large.",
    415: "The body is in a format this route does not read.",
    422: "The body does not fit; `errors` points at each mistake.",
    503: "Postgres, Temporal or the object store does not answer.",
}


async def _refused(request: Request, refusal: Any) -> Response:
    return _answer(request, refusal)


async def _job_error(request: Request, error: Any) -> Response:
    return _answer(request, Refusal(error))


async def _malformed(request: Request, error: Any) -> Response:
    return _answer(request, _refusal_of(request, error))


async def _http_exception(request: Request, error: Any) -> Response:
    kind = _KINDS.get(error.status_code, InvalidRequest)
    headers = dict(error.headers or {})
    if kind is MethodNotAllowed:
        headers["Allow"] = ", ".join(_allowed(request))
    detail = "" if kind in _SELF_EVIDENT else _reason(error)
    return _answer(request, Refusal(kind(detail), status=error.status_code, headers=headers))


def _reason(error: Any) -> str:
    """Say what FastAPI only calls an error parsing the body, where the cause tells."""
    match error.__cause__:
        case UnicodeDecodeError():
            return "the body is not UTF-8; compressed bodies are not taken"
        case RecursionError():
            return "the body is nested too deeply"
        case ValueError():
            return "the body holds a number of too many digits"
    return str(error.detail)


async def _defect(request: Request, error: Exception) -> Response:
    LOG.error("defect in request %s", request.scope["request_id"], exc_info=error)
    return _answer(request, Refusal(InternalError()))


_KINDS: dict[int, type[JobError]] = {
    401: Unauthenticated,
    404: UnknownRoute,
    405: MethodNotAllowed,
    413: RequestTooLarge,
    415: UnsupportedMediaType,
    500: InternalError,
}
_SELF_EVIDENT = {UnknownRoute, MethodNotAllowed, RequestTooLarge, InternalError}


def _answer(request: Request, refusal: Refusal) -> Response:
    request_id: str = request.scope["request_id"]
    line = {
        "event": "request_refused",
        "request_id": request_id,
        "method": request.method,
        "path": without_token(request.url.path),
        "status": refusal.status,
        "code": refusal.error.code,
        "detail": refusal.error.detail,
    }
    level = logging.ERROR if refusal.status >= InternalError.http_status else logging.INFO
    LOG.log(level, "%s", json.dumps(line))
    return respond(request_id, refusal)


def _refusal_of(request: Request, error: RequestValidationError) -> Refusal:
    found = error.errors()
    where = found[0]["loc"][0]
    if where == "path":
        return Refusal(_absent(str(found[0]["loc"][1]), request))
    if where != "body":
        return Refusal(InvalidRequest(_count("parameters", found), errors=_parameters(found)))
    if found[0]["type"] == "json_invalid":
        return Refusal(InvalidRequest("the body is not JSON"))
    if isinstance(error.body, bytes):
        return Refusal(UnsupportedMediaType("the body is not declared as JSON"))
    mistakes = [_mistake(each, error.body) for each in found[: MOST_MISTAKES + 1]]
    return Refusal(InvalidPayload(_count("body", found), errors=mistakes))


def _absent(parameter: str, request: Request) -> JobError:
    kinds: dict[str, type[JobError]] = {
        "job_id": JobNotFound,
        "document_id": DocumentNotFound,
        "callback_id": CallbackNotFound,
        "endpoint_id": EndpointNotFound,
        "schedule_id": ScheduleNotFound,
    }
    value = request.path_params.get(parameter, "")
    return kinds.get(parameter, UnknownRoute)(f"{value!r} is no id")


def _parameters(found: Any) -> list[dict[str, Any]]:
    return [{"parameter": str(each["loc"][1]), "detail": said(each)} for each in found]


def _mistake(error: Any, body: Any) -> dict[str, Any]:
    return {"pointer": pointer(error["loc"][1:], body, error["type"]), "detail": said(error)}


def _count(what: str, found: Any) -> str:
    verb = "have" if what.endswith("s") else "has"
    return f"the {what} {verb} {len(found)} mistake{'s' if len(found) > 1 else ''}"


def _allowed(request: Request) -> list[str]:
    """List the methods of a path; the router itself names only those of its first route."""

    def serves(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in METHODS if serves(method)]
