"""Taking a job in: validated, written down, then started."""

import logging
import time
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api.bodies import JobRequest
from api.gateway import Gateway
from api.notices import notices
from api.problems import Refusal
from jobs.callbacks import target_of
from jobs.errors import (
    CallbackRefused,
    DocumentNotFound,
    IdempotencyKeyReused,
    InvalidPayload,
    JobError,
    ServiceUnavailable,
    UnknownJobType,
)
from jobs.examining import examine
from jobs.ids import uuid7
from jobs.mistakes import Checked
from jobs.notifications import Notice
from jobs.pointers import mistakes
from jobs.registry import JobType
from jobs.status import JobStatus
from jobs.values import JobId, Tenant
from storage import documents, executions, jobs
from storage.jobs import JobRow, NewJob
from telemetry import traces

M = TypeVar("M", bound=BaseModel)

LOG = logging.getLogger(__name__)


async def submit(
    gateway: Gateway, tenant: Tenant, wanted: JobRequest, key: str | None
) -> tuple[JobRow, bool]:
    """Record a job and start it; return its row, and whether it is new.

    What was accepted under a key before is not judged again: the job goes on, even if its documents
    are gone by now or its callback would be refused.

    When Temporal is silent the job stays pending: it is durable, and maintenance starts it.

    Raises:
        UnknownJobType: There is no such job type.
        InvalidPayload: The payload does not fit it.
        Refusal: The payload names documents that do not exist, the callback may not go there, or
            there is no such channel.
        IdempotencyKeyReused: The key belongs to another request.
        ServiceUnavailable: Postgres does not answer.
    """
    new = NewJob(
        id=JobId(uuid7(time.time_ns() // 1_000_000)),
        tenant=tenant,
        type=wanted.type,
        payload=wanted.payload,
        options=wanted.options,
        labels=wanted.labels,
        idempotency_key=key,
        traceparent=traces.current(),
        callback_url=wanted.callback_url,
        notify_asked=wanted.notify,
    )
    try:
        _, told = await vetted(gateway, tenant, wanted)
    except (JobError, Refusal) as refusal:
        row, is_new = await _accepted_before(gateway, tenant, key, refusal), False
    else:
        row, is_new = await jobs.insert(gateway.db, replace(new, notify=told))
    if row.fingerprint != new.fingerprint:
        raise IdempotencyKeyReused(f"the Idempotency-Key {key!r} belongs to another request")
    # An upgrade may have removed the type of a replayed job.
    job_type = gateway.job_types.get(row.type)
    if row.status is JobStatus.PENDING and job_type is not None:
        await _start(gateway, job_type, row)
    return row, is_new


async def _accepted_before(
    gateway: Gateway, tenant: Tenant, key: str | None, refusal: Exception
) -> JobRow:
    """Return the job that has this key; raise the refusal when there is none."""
    row = await jobs.by_key(gateway.db, tenant, key) if key else None
    if row is None:
        raise refusal
    return row


async def vetted(
    gateway: Gateway, tenant: Tenant, wanted: JobRequest, base: str = ""
) -> tuple[JobType, tuple[Notice, ...]]:
    """Refuse a job that could not be started; return its type, and which channels are told.

    `base` points at the job inside the body.

    Raises:
        UnknownJobType: There is no such job type.
        InvalidPayload: The payload does not fit; with a pointer to each mistake.
        Refusal: It names documents or channels that do not exist, or a URL that is refused.
    """
    job_type = await fitting(gateway, tenant, wanted.type, wanted.payload, base)
    if wanted.callback_url is not None:
        refuse_url(gateway, wanted.callback_url, f"{base}/callback_url")
    return job_type, notices(gateway, tenant, wanted, base)


async def fitting(
    gateway: Gateway, tenant: Tenant, name: str, payload: dict[str, Any], base: str = ""
) -> JobType:
    """Return the job type that a payload is for, if it can work on it.

    Raises:
        UnknownJobType: There is no such job type.
        InvalidPayload: The payload does not fit; with a pointer to each mistake.
        Refusal: It names documents that do not exist.
    """
    job_type = gateway.job_types.get(name)
    if job_type is None:
        raise UnknownJobType(f"no job type {name!r}")
    checked = examine(job_type, payload, gateway.job_types).within(f"{base}/payload")
    if checked.mistakes:
        found = [{"pointer": each.pointer, "detail": each.detail} for each in checked.mistakes]
        raise InvalidPayload(f"it does not fit {job_type.input.__name__}", errors=found)
    await _refuse_missing_documents(gateway, tenant, checked)
    return job_type


def validated(model: type[M], document: Any, base: str) -> M:
    """Fit a document, which lies at a pointer inside the body, to a model.

    A field the model does not know is a mistake of the sender, unless the model says otherwise.

    Raises:
        InvalidPayload: With a pointer to each mistake.
    """
    try:
        return model.model_validate(document, extra=model.model_config.get("extra", "forbid"))
    except ValidationError as error:
        found = mistakes(error, document, base)
        raise InvalidPayload(f"it does not fit {model.__name__}", errors=found) from error


def refuse_url(gateway: Gateway, url: str, base: str) -> None:
    """Make sure that callbacks may go to a URL, which lies at a pointer inside the body.

    Raises:
        Refusal: They may not.
    """
    try:
        target_of(url, gateway.callbacks.url_policy)
    except CallbackRefused as error:
        found = [{"pointer": base, "detail": error.detail}]
        raise Refusal(error, errors=found) from error


async def _refuse_missing_documents(gateway: Gateway, tenant: Tenant, checked: Checked) -> None:
    if not checked.documents:
        return
    named = [each for _, each in checked.documents]
    absent = set(await documents.missing(gateway.db, tenant, named))
    found = [
        {"pointer": at, "detail": f"no document {str(each)!r}"}
        for at, each in checked.documents
        if each in absent
    ]
    if found:
        error = DocumentNotFound(f"{len(absent)} of the documents named do not exist")
        raise Refusal(error, status=InvalidPayload.http_status, errors=found)


async def _start(gateway: Gateway, job_type: JobType, row: JobRow) -> None:
    try:
        await executions.start(gateway.temporal, gateway.queue, job_type, row)
    except ServiceUnavailable as error:
        LOG.warning("job %s is recorded but not started yet: %s", row.id, error)
    except Exception:
        # The row is the promise: a refusal now would make clients submit the job a second time.
        LOG.exception("job %s is recorded but could not be started", row.id)
