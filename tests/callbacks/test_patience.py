"""Three days of retries in a few seconds: the real server on virtual time, and real HTTP."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType as HistoryEventType
from temporalio.testing import WorkflowEnvironment

from jobs.callbacks import JITTER, PAUSES, DeliveryStatus
from jobs.starting import SEARCH_ATTRIBUTES
from local.temporal import find_temporal
from storage.objects import open_store
from storage.payloads import data_converter
from tests.callbacks.receiver import Answer, Receiver
from tests.callbacks.recording import recorded
from tests.callbacks.test_telling import settled
from tests.installation import Installation, installed, serving

SKIPPING = ["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"]


@pytest.fixture
async def timeless(
    database_url: str, emulator_url: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    """An installation whose workflows need not wait for their timers."""
    store = open_store((tmp_path / "objects").as_uri())
    async with (
        await WorkflowEnvironment.start_time_skipping_v2(
            dev_server_existing_path=str(find_temporal()),
            dev_server_extra_args=SKIPPING,
            search_attributes=list(SEARCH_ATTRIBUTES),
            data_converter=data_converter(store),
        ) as environment,
        installed(
            database_url=database_url,
            temporal_address=environment.client.service_client.config.target_host,
            emulator_url=emulator_url,
            folder=tmp_path,
            queue=f"q-{uuid.uuid4().hex[:12]}",
        ) as installation,
    ):
        installation.client = environment.client
        async with serving(installation):
            yield installation


async def pauses(house: Installation, delivery_id: object) -> list[timedelta]:
    """Return the timers that a delivery set, as its history has them."""
    history = await house.client.get_workflow_handle(str(delivery_id)).fetch_history()
    return [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        for event in history.events
        if event.event_type == HistoryEventType.EVENT_TYPE_TIMER_STARTED
    ]


async def test_the_whole_retry_table_is_gone_through(timeless: Installation, receiver: Receiver):
    receiver.usually = Answer(503)
    job_id = await recorded(timeless, receiver.url)
    delivery = await settled(timeless, job_id)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.EXHAUSTED, len(PAUSES) + 1)
    assert len({each.id for each in receiver.received}) == 1
    waited = await pauses(timeless, delivery.id)
    assert len(waited) == len(PAUSES)
    for found, planned in zip(waited, PAUSES, strict=True):
        assert abs(found / planned - 1) <= JITTER
    assert waited != list(PAUSES)  # crowds spread out


async def test_a_receiver_that_comes_back_on_the_third_day_gets_it(
    timeless: Installation, receiver: Receiver
):
    receiver.answers = [Answer(500)] * len(PAUSES)
    job_id = await recorded(timeless, receiver.url)
    delivery = await settled(timeless, job_id)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, len(PAUSES) + 1)


async def test_retry_after_counts_up_to_a_day(timeless: Installation, receiver: Receiver):
    receiver.answers = [
        Answer(429, {"Retry-After": "7200"}),
        Answer(503, {"Retry-After": str(30 * 86_400)}),
        Answer(503, {"Retry-After": "1"}),
        Answer(503, {"Retry-After": "soon"}),
    ]
    job_id = await recorded(timeless, receiver.url)
    delivery = await settled(timeless, job_id)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 5)
    first, second, third, fourth = await pauses(timeless, delivery.id)
    assert first == timedelta(hours=2)
    assert second == timedelta(days=1)
    for found, planned in ((third, PAUSES[2]), (fourth, PAUSES[3])):
        assert abs(found / planned - 1) <= JITTER
