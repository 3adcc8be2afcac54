"""A small gateway that speaks the contract and misbehaves when told to."""

import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

TERMINAL = {"succeeded", "failed", "canceled"}


def problem(status, code, detail="something", *, headers=None, **more):
    document = {
        "type": f"/docs/errors#{code}",
        "title": code,
        "status": status,
        "detail": detail,
        "code": code,
        "advice": f"Mend {code}.",
        "request_id": "req-7",
        "errors": [],
        **more,
    }
    return JSONResponse(document, status, headers, media_type="application/problem+json")


def busy(seconds=0):
    return problem(503, "service_unavailable", headers={"Retry-After": str(seconds)})


def lost():
    """Break off in the middle of a reply."""

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        raise ConnectionAbortedError

    return StreamingResponse(body())


@dataclass
class FakeGateway:
    """State shared between a test and the server, which runs in a thread of its own.

    Attributes:
        troubles: Replies given, in this order, before any request is served properly.
        cuts: After how many events each connection to an event stream breaks, in order.
        finish_after: Status requests after which a job has succeeded; None leaves it alone.
    """

    url: str = ""
    token: str | None = None
    jobs: dict[str, Any] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    documents: list[dict[str, Any]] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    signals: list[tuple[str, Any]] = field(default_factory=list)
    approvals: list[dict[str, Any]] = field(default_factory=list)
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    troubles: list[Callable[[], Response]] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    finish_after: int | None = None

    def add_job(self, status="running", **more):
        job_id = str(uuid.uuid4())
        ended = status in TERMINAL
        job = {"job_id": job_id, "type": "echo", "status": status, "result": None, "error": None}
        job |= {"created_at": datetime.now(UTC).isoformat(), "unknown_field": 1, **more}
        job |= {"links": {"self": f"/api/jobs/{job_id}"}}
        self.jobs[job_id] = job
        self.events[job_id] = []
        self.add_event(job_id, "created")
        if ended:
            self.end(job_id, status, **more)
        return job_id

    def add_approval(self, job_id, key="plan", **more):
        approval = {"job_id": job_id, "key": key, "title": "The plan", "state": "open"}
        approval |= {"shown": {"steps": ["dig"]}, "digest": f"digest-of-{key}", **more}
        self.approvals.append(approval)
        return approval

    def add_callback(self, job_id, event, status):
        callback = {"callback_id": str(uuid.uuid4()), "job_id": job_id, "event": event}
        self.callbacks.append(callback | {"status": status})

    def add_event(self, job_id, kind, **data):
        events = self.events[job_id]
        at = datetime.now(UTC).isoformat()
        seq = len(events) + 1
        events.append({"job_id": job_id, "seq": seq, "type": kind, "at": at, "data": data})

    def end(self, job_id, status="succeeded", **more):
        self.jobs[job_id] |= {"status": status, **more}
        self.add_event(job_id, status)

    def seen(self, method, path):
        return [
            request
            for request in self.requests
            if request.method == method and request.url.path == path
        ]


def create_app(gateway: FakeGateway) -> Starlette:
    def served(handler):
        async def endpoint(request):
            gateway.requests.append(request)
            if gateway.troubles:
                return gateway.troubles.pop(0)()
            if gateway.token and request.headers.get("authorization") != f"Bearer {gateway.token}":
                return problem(401, "unauthenticated", "nobody knows this API token")
            if (
                "job_id" in request.path_params
                and request.path_params["job_id"] not in gateway.jobs
            ):
                return problem(404, "job_not_found", "no such job")
            return await handler(gateway, request)

        return endpoint

    job = "/api/jobs/{job_id}"
    routes = [
        Route("/livez", served(_healthy)),
        Route("/readyz", served(_healthy)),
        Route("/api/jobs", served(_submit), methods=["POST"]),
        Route("/api/jobs", served(_list)),
        Route("/api/jobs/estimate", served(_estimate), methods=["POST"]),
        Route(job, served(_get)),
        Route(f"{job}/result", served(_result)),
        Route(f"{job}/events", served(_events)),
        Route(f"{job}/callbacks", served(_callbacks)),
        Route(f"{job}/cancel", served(_cancel), methods=["POST"]),
        Route(f"{job}/signals/{{name}}", served(_signal), methods=["POST"]),
        Route(f"{job}/queries/{{name}}", served(_query)),
        Route("/api/approvals", served(_approvals)),
        Route(f"{job}/approvals/{{key:path}}", served(_approval)),
        Route("/api/job-types", served(_job_types)),
        Route("/api/documents", served(_upload), methods=["POST"]),
        Route("/api/documents", served(_documents)),
    ]
    return Starlette(routes=routes)


async def _healthy(gateway, request):
    return JSONResponse({"status": "ok"})


async def _submit(gateway, request):
    body = await request.json()
    if body["type"] == "unknown":
        return problem(404, "unknown_job_type", "no job type 'unknown'")
    if "text" not in body["payload"]:
        mistakes = [{"pointer": "/payload/text", "detail": "Field required"}]
        return problem(422, "invalid_payload", "the body has 1 mistake", errors=mistakes)
    key = request.headers["idempotency-key"]
    replayed = key in gateway.keys
    if not replayed:
        more = {name: body.get(name, {}) for name in ("labels", "options", "notify")}
        gateway.keys[key] = gateway.add_job("pending", **more)
    accepted = {
        name: gateway.jobs[gateway.keys[key]][name]
        for name in ("job_id", "type", "status", "links")
    }
    return JSONResponse(accepted | {"estimated_completion_seconds": 30}, 202)


async def _estimate(gateway, request):
    estimate = {
        "type": (await request.json())["type"],
        "typical_seconds": 90,
        "late_seconds": 200,
        "usd": {"low": "0.01", "typical": None, "high": None},
        "jobs": 3,
        "unknown": [{"pointer": "/payload/tree", "detail": "nobody knows"}],
        "mermaid": "flowchart TD",
    }
    return JSONResponse(estimate)


async def _callbacks(gateway, request):
    found = [each for each in gateway.callbacks if each["job_id"] == request.path_params["job_id"]]
    return JSONResponse({"callbacks": found})


async def _list(gateway, request):
    query = request.query_params
    wanted = [
        job
        for job in reversed(gateway.jobs.values())
        if query.get("status") in (None, job["status"])
        and query.get("parent") in (None, job.get("parent_id"))
        and query.get("root") in (None, str(job.get("parent_id") is None).lower())
        and all(
            job.get("labels", {}).get(n[6:]) == v for n, v in query.items() if n[:6] == "label."
        )
    ]
    start = int(query.get("cursor", 0))
    following = start + int(query["limit"])
    cursor = str(following) if following < len(wanted) else None
    return JSONResponse({"jobs": wanted[start:following], "next": cursor})


async def _get(gateway, request):
    job_id = request.path_params["job_id"]
    if gateway.finish_after is not None:
        gateway.finish_after -= 1
        if gateway.finish_after == 0:
            gateway.end(job_id, result={"echo": "hello"})
    return JSONResponse(gateway.jobs[job_id])


async def _result(gateway, request):
    job = gateway.jobs[request.path_params["job_id"]]
    if job["status"] not in TERMINAL:
        return problem(409, "result_not_ready", headers={"Retry-After": "1"})
    if job["status"] != "succeeded":
        return problem(409, "no_result", f"the job {job['status']}")
    return JSONResponse(job["result"])


async def _events(gateway, request):
    job_id = request.path_params["job_id"]
    after = int(request.headers.get("last-event-id", 0))
    events = gateway.events[job_id]
    if events[-1]["type"] in TERMINAL and after >= len(events):
        return Response(status_code=204)
    cut = gateway.cuts.pop(0) if gateway.cuts else None

    async def stream() -> AsyncIterator[str]:
        yield "retry: 2000\n\n: still here\n\n"
        for event in events[after:] if cut is None else events[after : after + cut]:
            yield f"id: {event['seq']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n"
        if cut is not None:
            yield 'id: 99\nevent: progress\ndata: {"half'
            raise ConnectionAbortedError
        if events[-1]["type"] in TERMINAL:
            yield "event: end\ndata: {}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


async def _cancel(gateway, request):
    job_id = request.path_params["job_id"]
    reason = (await request.json()).get("reason")
    gateway.add_event(job_id, "cancel_requested", reason=reason)
    return JSONResponse(gateway.jobs[job_id], 202)


async def _signal(gateway, request):
    name, body = request.path_params["name"], await request.json()
    gateway.signals.append((name, body))
    if "digest" not in body:
        return Response(status_code=202)
    [meant] = [each for each in gateway.approvals if each["digest"] == body["digest"]]
    meant |= {"state": f"{name}ed".replace("ee", "e"), "edits": body.get("edits")}
    return JSONResponse(meant, 202)


async def _approvals(gateway, request):
    wanted = request.query_params
    shown = ("job_id", "key", "title", "state")
    found = [
        {name: each[name] for name in shown}
        for each in sorted(gateway.approvals, key=lambda each: each["state"] != "open")
        if wanted.get("state") in (None, each["state"])
        and wanted.get("job") in (None, each["job_id"])
    ]
    start = int(wanted.get("cursor", 0))
    following = start + int(wanted["limit"])
    cursor = str(following) if following < len(found) else None
    return JSONResponse({"approvals": found[start:following], "next": cursor})


async def _approval(gateway, request):
    key = request.path_params["key"]
    for each in gateway.approvals:
        if (each["job_id"], each["key"]) == (request.path_params["job_id"], key):
            return JSONResponse(each)
    return problem(404, "approval_not_found", f"never asked for {key!r}")


async def _query(gateway, request):
    return JSONResponse({"asked": request.path_params["name"]})


async def _job_types(gateway, request):
    echo = {"name": "echo", "title": "Say it again", "expected_seconds": 30}
    return JSONResponse({"job_types": [echo]})


async def _upload(gateway, request):
    async with request.form() as form:
        made = []
        for file in form.getlist("files"):
            content = await file.read()
            gateway.uploads[file.filename] = content
            document = {"document_id": str(uuid.uuid4()), "name": file.filename}
            document |= {"media_type": file.content_type, "size_bytes": len(content), "sha256": "0"}
            made.append(document)
    gateway.documents += made
    return JSONResponse({"documents": made}, 201)


async def _documents(gateway, request):
    return JSONResponse({"documents": gateway.documents, "next": None})
