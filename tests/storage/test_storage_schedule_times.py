"""Temporal's server means the same by a schedule as our own arithmetic."""

import random
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    ScheduleState,
)

from jobs.schedules.calendars import KINDS
from jobs.schedules.model import When

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
DAYS = [
    datetime(2027, month, day, tzinfo=UTC) for month, day in ((3, 13), (3, 27), (6, 1), (11, 6))
]
SPAN = timedelta(hours=60)
SPECS = 40
LISTED = 1000
"""The server lists no more at once."""


def field(dice: random.Random, name: str) -> str:
    """Draw one field of a cron expression."""
    _, lowest, highest, _ = KINDS[name]
    first, second = sorted((dice.randint(lowest, highest), dice.randint(lowest, highest)))
    step = dice.randint(1, 5)
    return dice.choice(
        ["*", "*", str(first), f"*/{step}", f"{first}-{second}", f"{first}-{second}/{step}",
         f"{first}/{step}", f"{first},{second}"]
    )  # fmt: skip


def drawn(seed: int) -> tuple[str, str, datetime]:
    """Draw a cron expression, a time zone and a moment."""
    dice = random.Random(seed)  # noqa: S311 # nothing secret
    names = ("minute", "hour", "day_of_month", "month", "day_of_week")
    narrow = {"day_of_month", "day_of_week"} if dice.random() < 0.3 else set()
    wide = {"month", *({"day_of_month", "day_of_week"} - narrow)}
    cron = " ".join("*" if name in wide else field(dice, name) for name in names)
    return cron, dice.choice(ZONES), dice.choice(DAYS)


def near_a_repeated_hour(moment: datetime, zone: ZoneInfo) -> bool:
    """Tell whether summer time ended within the last three hours or ends in the next three."""
    hours = [(moment + timedelta(hours=each)).astimezone(zone) for each in range(-3, 4)]
    offsets = [each.utcoffset() for each in hours]
    return offsets != sorted(offsets, key=lambda each: each or timedelta(0))


async def of_the_server(client: Client, name: str, cron: str, zone: str, after: datetime):
    spec = ScheduleSpec(cron_expressions=[cron], time_zone_name=zone)
    action = ScheduleActionStartWorkflow("nothing", id=name, task_queue="nobody")
    paused = ScheduleState(paused=True)
    handle = await client.create_schedule(name, Schedule(action=action, spec=spec, state=paused))
    request = ListScheduleMatchingTimesRequest(namespace=client.namespace, schedule_id=name)
    start, end = Timestamp(), Timestamp()
    start.FromDatetime(after)
    end.FromDatetime(after + SPAN)
    request.start_time.CopyFrom(start)
    request.end_time.CopyFrom(end)
    found = await client.workflow_service.list_schedule_matching_times(request)
    await handle.delete()
    return [each.ToDatetime().replace(tzinfo=UTC) for each in found.start_time]


@pytest.mark.parametrize("batch", range(2))
async def test_the_server_and_the_preview_agree(temporal_client: Client, batch: int):
    for seed in range(batch * SPECS, (batch + 1) * SPECS):
        cron, zone, after = drawn(seed)
        theirs = await of_the_server(temporal_client, f"times-{seed}", cron, zone, after)
        moments = When(cron=[cron], time_zone=zone).moments(after)
        ours = list(takewhile(lambda each: each <= after + SPAN, moments))[:LISTED]  # noqa: B023 # used at once
        calm = [
            [each for each in times if not near_a_repeated_hour(each, ZoneInfo(zone))]
            for times in (ours, theirs)
        ]
        shortest = min(map(len, calm)) if len(ours) == LISTED else None
        assert calm[0][:shortest] == calm[1][:shortest], (cron, zone, after)
