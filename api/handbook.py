"""The pages under /docs: plain HTML made from what the program knows, nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from jobs.errors import every_error
from jobs.errors.base import JobError

router = APIRouter(prefix="/docs", include_in_schema=False)

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}code{font-size:.95em}dt{margin-top:1rem}dt code{font-weight:600}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@router.get("", summary="The operations")
async def operations(request: Request) -> HTMLResponse:
    """List every operation of the OpenAPI document."""
    document: dict[str, Any] = request.app.openapi()
    entries = "".join(_operation(*each) for each in _operations(document))
    return _page(
        document["info"]["title"],
        '<p>The whole contract, with schemas and examples: <a href="/openapi.json">/openapi.json'
        f'</a>. Every error: <a href="/docs/errors">/docs/errors</a>.</p><dl>{entries}</dl>',
    )


@router.get("/errors", summary="The errors")
async def errors() -> HTMLResponse:
    """Explain every code; the `type` of a problem document points here."""
    kinds = sorted(every_error(), key=lambda kind: kind.code)
    return _page("Errors", f"<dl>{''.join(_error(kind) for kind in kinds)}</dl>")


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    name = escape(operation["operationId"])
    summary, description = (escape(operation.get(key, "")) for key in ("summary", "description"))
    return (
        f'<dt id="{name}"><code>{method.upper()} {escape(path)}</code> {summary}</dt>'
        f"<dd>{description}</dd>"
    )


def _error(kind: type[JobError]) -> str:
    code, advice = escape(kind.code), escape(kind.advice)
    meaning = escape((kind.__doc__ or "").partition("\n")[0])
    return (
        f'<dt id="{code}"><code>{code}</code> {escape(kind.title)}</dt><dd>{meaning} {advice}</dd>'
    )


def _page(title: str, body: str) -> HTMLResponse:
    heading = escape(title)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{heading}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><h1>{heading}</h1>{body}</body></html>",
        headers={"Content-Security-Policy": _POLICY},
    )
