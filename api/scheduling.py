"""Taking schedules in: checked, made, changed."""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from api import submission
from api.bodies import refuse_unstorable
from api.gateway import Gateway
from api.schedule_bodies import BackfillBody, ScheduleRequest, ScheduleTerms
from api.schedule_views import PlannedRun, Preview
from jobs.errors import IdempotencyKeyReused, InvalidPayload, ScheduleExists, ScheduleNotFound
from jobs.fingerprints import fingerprint
from jobs.schedules.model import (
    Policies,
    ScheduledJob,
    StoredSchedule,
    TooMuchSkipped,
    When,
)
from jobs.values import Tenant
from storage import schedules
from storage.schedule_shapes import when_of
from storage.schedules import Address, Described

LOOK_AHEAD = 100
"""Runs whose distances are checked when a schedule is made."""

MOST_BACKFILLED = 1000
"""Times in one backfill; Temporal itself keeps no more waiting."""

LARGEST_JOB_BYTES = 64 * 1024
"""Temporal keeps the job with the schedule; what is larger belongs into a document."""


def address(gateway: Gateway, tenant: Tenant) -> Address:
    """Say where the schedules of a tenant are."""
    return Address(gateway.temporal, gateway.queue, tenant)


async def create(
    gateway: Gateway, tenant: Tenant, wanted: ScheduleRequest, key: str | None
) -> tuple[Described, bool]:
    """Make a schedule; return it, and whether it is new.

    What was accepted under a key before is not judged again.

    Raises:
        UnknownJobType: There is no such job type.
        InvalidPayload: The job does not fit its type, or the times make no sense.
        ScheduleExists: There is one of that id, made by another request.
        IdempotencyKeyReused: The key belongs to another request.
        ServiceUnavailable: Temporal or Postgres does not answer.
    """
    at, schedule_id = address(gateway, tenant), wanted.id or _made_up(key)
    # Without defaults: a field added by a later version must not make a replay look new.
    made_by = fingerprint([wanted.model_dump(mode="json", exclude_defaults=True)])
    if found := await _replayed(at, schedule_id, key, made_by):
        return found, False
    job = await _checked(gateway, tenant, wanted)
    stored = _stored(tenant, wanted, job, schedule_id, uuid.uuid4())
    stored = stored.model_copy(update={"fingerprint": made_by, "idempotency_key": key})
    try:
        await schedules.create(
            at,
            stored,
            _policies(wanted),
            note=wanted.note,
            paused=wanted.paused,
            remaining_runs=wanted.remaining_runs,
        )
    except ScheduleExists:
        if found := await _replayed(at, schedule_id, key, made_by):
            return found, False
        raise
    return await schedules.describe(at, schedule_id), True


async def _replayed(
    at: Address, schedule_id: str, key: str | None, made_by: str
) -> Described | None:
    """Return the schedule that the same request has made before, None when there is none.

    Raises:
        IdempotencyKeyReused: The key belongs to another request.
    """
    if key is None:
        return None
    try:
        found = await schedules.describe(at, schedule_id)
    except ScheduleNotFound:
        return None
    if found.stored.idempotency_key != key:
        return None
    if found.stored.fingerprint != made_by:
        raise IdempotencyKeyReused(f"the Idempotency-Key {key!r} belongs to another request")
    return found


async def change(
    gateway: Gateway, tenant: Tenant, schedule_id: str, patch: dict[str, Any]
) -> Described:
    """Change a schedule by a JSON merge patch (RFC 7396) over its terms.

    Raises:
        ScheduleNotFound: The tenant has no such schedule.
        ScheduleConflict: Somebody changed it at the same time.
        InvalidPayload: The result makes no sense, or the patch names what cannot be changed.
        ServiceUnavailable: Temporal or Postgres does not answer.
    """
    refuse_unstorable(patch)
    at = address(gateway, tenant)
    before = await schedules.describe(at, schedule_id)
    document = _merged(_document(before), patch)
    terms = submission.validated(ScheduleTerms, document, "")
    job = await _checked(gateway, tenant, terms)
    old = before.stored
    stored = _stored(tenant, terms, job, schedule_id, old.uid).model_copy(
        update={"fingerprint": old.fingerprint, "idempotency_key": old.idempotency_key}
    )
    named = "remaining_runs" in patch
    left = terms.remaining_runs if named else before.remaining_runs
    return await schedules.change(at, before, stored, _policies(terms), remaining_runs=left)


async def backfill(
    gateway: Gateway, tenant: Tenant, schedule_id: str, wanted: BackfillBody, key: str | None
) -> int:
    """Have a schedule make up for a span of the past; return how many times lie in it.

    Raises:
        ScheduleNotFound: The tenant has no such schedule.
        InvalidPayload: The span makes no sense for it.
        ServiceUnavailable: Temporal does not answer.
    """
    now = datetime.now(UTC)
    end_at = wanted.end_at or now
    if not wanted.start_at <= end_at <= now:
        raise _mistake("/end_at", "the span ends in the future, or before it begins")
    at = address(gateway, tenant)
    when = when_of((await schedules.describe(at, schedule_id)).stored)
    moments = _between(when, wanted.start_at, end_at)
    times = sum(1 for _ in islice(moments, MOST_BACKFILLED + 1))
    if times == 0:
        raise _mistake("/start_at", "the schedule has no run in this span")
    if times > MOST_BACKFILLED:
        raise _mistake("/start_at", f"more than {MOST_BACKFILLED} runs lie in this span")
    span = (wanted.start_at, end_at)
    await schedules.backfill(at, schedule_id, [span], wanted.overlap, key=key)
    return times


def preview(when: When, after: datetime, count: int) -> Preview:
    """Compute the next runs.

    Raises:
        InvalidPayload: Hardly anything is left of its times by what it skips.
    """
    zone = ZoneInfo(when.time_zone)
    runs = [
        PlannedRun(at=each, local=each.astimezone(zone).isoformat())
        for each in islice(_moments(when, after), count)
    ]
    return Preview(time_zone=when.time_zone, runs=runs)


async def _checked(gateway: Gateway, tenant: Tenant, terms: ScheduleTerms) -> ScheduledJob:
    """Return the job of a schedule whose terms make sense."""
    _, told = await submission.vetted(gateway, tenant, terms.job, "/job")
    if len(terms.job.model_dump_json()) > LARGEST_JOB_BYTES:
        raise _mistake("/job", f"larger than {LARGEST_JOB_BYTES} bytes: put it into a document")
    shortest = timedelta(seconds=gateway.settings.shortest_schedule_seconds)
    ahead = list(islice(_moments(terms.when, datetime.now(UTC)), LOOK_AHEAD))
    if not ahead:
        raise _mistake("/when", "it never runs from now on")
    if any(later - earlier < shortest for earlier, later in pairwise(ahead)):
        raise _mistake("/when", f"runs less than {shortest.total_seconds():g} s apart")
    return ScheduledJob.model_validate({**terms.job.model_dump(), "notify": told})


def _stored(
    tenant: Tenant, terms: ScheduleTerms, job: ScheduledJob, schedule_id: str, uid: uuid.UUID
) -> StoredSchedule:
    return StoredSchedule(
        tenant=tenant,
        schedule_id=schedule_id,
        uid=uid,
        revision=uuid.uuid4(),
        job=job,
        when=terms.when.model_dump(mode="json", exclude_defaults=True),
        fingerprint="",
    )


def _policies(terms: ScheduleTerms) -> Policies:
    return Policies(**{name: getattr(terms, name) for name in Policies.model_fields})


def _document(found: Described) -> dict[str, Any]:
    """Return the terms of a schedule as the document that a patch applies to.

    The runs left are no part of it: there may be none, which nobody can ask for.
    """
    job = found.stored.job.model_dump(mode="json", exclude_defaults=True)
    return {"job": job, "when": found.stored.when, **found.policies.model_dump(mode="json")}


def _merged(document: Any, patch: Any) -> Any:
    """Apply a JSON merge patch: null removes a member, objects are merged, the rest replaced."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _between(when: When, start_at: datetime, end_at: datetime) -> Iterator[datetime]:
    for moment in _moments(when, start_at - timedelta(microseconds=1)):
        if moment > end_at:
            return
        yield moment


def _moments(when: When, after: datetime) -> Iterator[datetime]:
    try:
        yield from when.moments(after)
    except TooMuchSkipped as error:
        raise _mistake("/when/skip", str(error)) from error


def _made_up(key: str | None) -> str:
    """Make an id; the same from the same key, so that a repeated request finds its schedule."""
    seed = key.encode() if key else uuid.uuid4().bytes
    return f"schedule-{hashlib.sha256(seed).hexdigest()[:12]}"


def _mistake(pointer: str, detail: str) -> InvalidPayload:
    return InvalidPayload(detail, errors=[{"pointer": pointer, "detail": detail}])
