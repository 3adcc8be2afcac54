"""The request headers `Prefer` and `Idempotency-Key`."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request

from api.gateway import GatewayIn
from jobs.errors import InvalidRequest

_WAIT = re.compile(r'\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?', re.IGNORECASE)
_BARE_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_QUOTED_KEY = re.compile(r'"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')


async def _wait_seconds(
    request: Request,
    gateway: GatewayIn,
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=N` keeps the reply back for up to N seconds until the job has ended "
            "(RFC 7240).",
            examples=["wait=30"],
        ),
    ] = None,
) -> int | None:
    del prefer  # documents the header; several of them count as one list
    for part in ",".join(request.headers.getlist("prefer")).split(","):
        if match := _WAIT.fullmatch(part):
            return min(int(match[1]), gateway.settings.max_wait_seconds)
    return None


async def _idempotency_key(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="1 to 255 visible ASCII characters, bare or quoted. The same key with the "
            "same body gives the same job.",
            examples=["order-4711"],
        ),
    ] = None,
) -> str | None:
    if idempotency_key is None:
        return None
    sent = ", ".join(request.headers.getlist("idempotency-key"))
    if quoted := _QUOTED_KEY.fullmatch(sent):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if sent.startswith('"') or not _BARE_KEY.fullmatch(sent):
        mistake = {"parameter": "Idempotency-Key", "detail": "1 to 255 visible ASCII characters"}
        raise InvalidRequest("the Idempotency-Key is malformed", errors=[mistake])
    return sent


WaitIn = Annotated[int | None, Depends(_wait_seconds)]
IdempotencyKeyIn = Annotated[str | None, Depends(_idempotency_key)]
