"""Temporal's memory of schedules: making, changing, pausing and looking at them.

Temporal itself keeps a schedule and starts its runs; there is no table. Its id there is made of the
queue, the tenant and the tenant's own name for it, so that neither tenants nor installations that
share a namespace ever meet.
"""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio.api.schedule.v1 import SchedulePatch
from temporalio.api.workflowservice.v1 import (
    DescribeScheduleResponse,
    ListSchedulesRequest,
    PatchScheduleRequest,
    UpdateScheduleRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleState,
)
from temporalio.service import RPCError, RPCStatusCode

from jobs.errors import ScheduleConflict, ScheduleExists, ScheduleNotFound
from jobs.schedules.model import Overlap, Policies, StoredSchedule
from jobs.values import Tenant
from storage import schedule_shapes as shapes
from storage.reaching import RPC_TIMEOUT, in_time, reaching

SEPARATOR = ":"
"""Neither queues nor tenants nor the ids of schedules contain it."""


@dataclass(frozen=True)
class Address:
    """Whose schedules are meant, and in which installation."""

    client: Client
    queue: str
    tenant: Tenant

    @property
    def prefix(self) -> str:
        """What the ids of all the tenant's schedules begin with in Temporal."""
        return SEPARATOR.join((self.queue, self.tenant, ""))

    def id_of(self, schedule_id: str) -> str:
        """Return what Temporal calls a schedule that the tenant calls so."""
        return f"{self.prefix}{schedule_id}"


class NoSuchPage(Exception):
    """Temporal does not know the token of a page."""


@dataclass(frozen=True)
class Described:
    """A schedule as it stands.

    Attributes:
        remaining_runs: Runs left; None when they are not counted.
        next_runs: The next ones, jitter included; empty when there are none, or it is paused.
        started: Runs begun so far.
        missed: Runs left out because Temporal was down for longer than the catch-up window.
        skipped: Runs left out because an earlier one went on.
        waiting: Runs that wait for an earlier one.
    """

    stored: StoredSchedule
    policies: Policies
    paused: bool
    note: str | None
    remaining_runs: int | None
    next_runs: tuple[datetime, ...]
    started: int
    missed: int
    skipped: int
    waiting: int
    created_at: datetime
    updated_at: datetime | None
    raw: DescribeScheduleResponse


async def create(
    at: Address,
    stored: StoredSchedule,
    policies: Policies,
    *,
    note: str | None,
    paused: bool,
    remaining_runs: int | None,
) -> None:
    """Make a schedule.

    Raises:
        ScheduleExists: The tenant has one of that id.
        ServiceUnavailable: Temporal does not answer.
    """
    state = ScheduleState(
        note=note,
        paused=paused,
        limited_actions=remaining_runs is not None,
        remaining_actions=remaining_runs or 0,
    )
    schedule = _schedule(at, stored, policies, state)
    try:
        with reaching():
            async with in_time():
                await at.client.create_schedule(at.id_of(stored.schedule_id), schedule)
    except ScheduleAlreadyRunningError:
        raise ScheduleExists(f"there is a schedule {stored.schedule_id!r} already") from None


async def describe(at: Address, schedule_id: str) -> Described:
    """Return a schedule as it stands.

    Raises:
        ScheduleNotFound: The tenant has no such schedule.
        ServiceUnavailable: Temporal does not answer.
    """
    handle = at.client.get_schedule_handle(at.id_of(schedule_id))
    async with _asking(schedule_id):
        found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    return await _described(at, found)


async def page(at: Address, *, limit: int, token: bytes) -> tuple[list[str], bytes]:
    """Return ids of schedules, newest first, and where the next page begins; empty at the end.

    Temporal's list lags behind by up to a second.

    Raises:
        NoSuchPage: No page ended with this token, or not in this Temporal.
        ServiceUnavailable: Temporal does not answer.
    """
    request = ListSchedulesRequest(
        namespace=at.client.namespace,
        maximum_page_size=limit,
        next_page_token=token,
        query=f"ScheduleId STARTS_WITH '{at.prefix}'",
    )
    try:
        with reaching():
            async with in_time():
                service = at.client.workflow_service
                found = await service.list_schedules(request, timeout=RPC_TIMEOUT)
    except RPCError as error:
        if not (token and error.status is RPCStatusCode.INVALID_ARGUMENT):
            raise
        raise NoSuchPage from error
    ids = [each.schedule_id for each in found.schedules]
    # The query selects; that no tenant sees another's is not left to a visibility store.
    mine = [each.removeprefix(at.prefix) for each in ids if each.startswith(at.prefix)]
    return mine, found.next_page_token


async def change(
    at: Address,
    before: Described,
    stored: StoredSchedule,
    policies: Policies,
    *,
    remaining_runs: int | None,
) -> Described:
    """Replace what a schedule runs and when; whether it is paused stays as it is.

    Raises:
        ScheduleNotFound: It was deleted meanwhile.
        ScheduleConflict: Somebody changed it meanwhile.
        ServiceUnavailable: Temporal does not answer.
    """
    state = ScheduleState(
        note=before.note,
        paused=before.paused,
        limited_actions=remaining_runs is not None,
        remaining_actions=remaining_runs or 0,
    )
    schedule = _schedule(at, stored, policies, state)
    request = UpdateScheduleRequest(
        namespace=at.client.namespace,
        schedule_id=at.id_of(stored.schedule_id),
        # The SDK's own update ignores conflict tokens.
        schedule=await schedule._to_proto(at.client),
        conflict_token=before.raw.conflict_token,
        identity=at.client.identity,
        request_id=str(uuid.uuid4()),
    )
    async with _asking(stored.schedule_id):
        await at.client.workflow_service.update_schedule(request, timeout=RPC_TIMEOUT)
    after = await describe(at, stored.schedule_id)
    # Temporal drops a change with an old token without a word.
    if after.stored.revision != stored.revision:
        raise ScheduleConflict(f"schedule {stored.schedule_id!r} was changed at the same time")
    return after


async def pause(at: Address, schedule_id: str, note: str) -> None:
    """Pause a schedule; pausing a paused one replaces its note."""
    await _patch(at, schedule_id, SchedulePatch(pause=note), None)


async def resume(at: Address, schedule_id: str, note: str) -> None:
    """Let a schedule go on; what it missed while paused stays missed."""
    await _patch(at, schedule_id, SchedulePatch(unpause=note), None)


async def trigger(
    at: Address, schedule_id: str, overlap: Overlap | None, *, key: str | None
) -> None:
    """Have a schedule run now, even when it is paused; the same key triggers once."""
    patch = SchedulePatch(trigger_immediately=shapes.trigger(overlap))
    await _patch(at, schedule_id, patch, key and f"trigger {key}")


async def backfill(
    at: Address,
    schedule_id: str,
    spans: Sequence[tuple[datetime, datetime]],
    overlap: Overlap,
    *,
    key: str | None,
) -> None:
    """Have a schedule run as if spans of time passed now; the same key does so once."""
    patch = SchedulePatch(backfill_request=[shapes.backfill(*each, overlap) for each in spans])
    await _patch(at, schedule_id, patch, key and f"backfill {key}")


async def delete(at: Address, schedule_id: str) -> None:
    """Delete a schedule; a job of it that runs goes on.

    Raises:
        ScheduleNotFound: The tenant has no such schedule.
        ServiceUnavailable: Temporal does not answer.
    """
    handle = at.client.get_schedule_handle(at.id_of(schedule_id))
    async with _asking(schedule_id):
        await handle.delete(rpc_timeout=RPC_TIMEOUT)


async def _patch(at: Address, schedule_id: str, patch: SchedulePatch, key: str | None) -> None:
    request = PatchScheduleRequest(
        namespace=at.client.namespace,
        schedule_id=at.id_of(schedule_id),
        patch=patch,
        identity=at.client.identity,
        # Temporal does what bears the same request id once.
        request_id=key or str(uuid.uuid4()),
    )
    async with _asking(schedule_id):
        await at.client.workflow_service.patch_schedule(request, timeout=RPC_TIMEOUT)


def _schedule(
    at: Address, stored: StoredSchedule, policies: Policies, state: ScheduleState
) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            shapes.WORKFLOW,
            stored,
            id=at.id_of(stored.schedule_id),
            task_queue=at.queue,
            priority=shapes.priority(stored),
            static_summary=f"Run {stored.job.type} by schedule {stored.schedule_id}",
        ),
        spec=shapes.spec(stored),
        policy=shapes.policy(policies),
        state=state,
    )


async def _described(at: Address, found: ScheduleDescription) -> Described:
    action: Any = found.schedule.action
    [stored] = await at.client.data_converter.decode(action.args, [StoredSchedule])
    state, info = found.schedule.state, found.info
    return Described(
        stored=stored,
        policies=shapes.policies(found.schedule.policy),
        paused=state.paused,
        note=state.note,
        remaining_runs=state.remaining_actions if state.limited_actions else None,
        next_runs=() if state.paused else tuple(info.next_action_times),
        started=info.num_actions,
        missed=info.num_actions_missed_catchup_window,
        skipped=info.num_actions_skipped_overlap,
        waiting=found.raw_description.info.buffer_size,
        created_at=info.created_at,
        updated_at=info.last_updated_at,
        raw=found.raw_description,
    )


@asynccontextmanager
async def _asking(schedule_id: str) -> AsyncIterator[None]:
    """Ask Temporal about one schedule, in bounded time."""
    try:
        with reaching():
            async with in_time():
                yield
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise ScheduleNotFound(f"no schedule {schedule_id!r}") from error
