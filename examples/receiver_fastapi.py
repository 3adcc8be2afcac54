"""A receiver of callbacks in FastAPI, small enough to copy.

Start it with the signing secret, or with several while one replaces another:

    CALLBACK_SECRETS="whsec_…" uvicorn --app-dir examples receiver_fastapi:app --port 9000
"""

import os
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response

from backburner import CallbackEvent, CallbackRejected, webhooks

app = FastAPI()
seen: set[str] = set()
finished: list[CallbackEvent] = []


def secrets() -> list[str]:
    """Return the secrets that count at the moment."""
    return os.environ["CALLBACK_SECRETS"].split()


@app.post("/callbacks", status_code=204)
async def take_callback(
    request: Request, known: Annotated[list[str], Depends(secrets)]
) -> Response:
    """Answer within a few seconds: long work belongs behind this function, not into it."""
    try:
        # The raw bytes: a body that was parsed and written again has another signature.
        event = webhooks.verify(await request.body(), request.headers, known)
    except CallbackRejected as error:
        raise HTTPException(401, str(error)) from error
    if event.webhook_id not in seen:  # the same callback may come twice: keep ids in a database
        act(event)
        seen.add(event.webhook_id)
    return Response(status_code=204)


def act(event: CallbackEvent) -> None:
    """Do what this service does when a job ends; unknown types are none of its business."""
    if event.type in ("job.succeeded", "job.failed", "job.canceled"):
        finished.append(event)
