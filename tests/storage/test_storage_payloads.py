"""Claims about large payloads: histories hold keys, the object store the bytes."""

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import WorkflowSerializationContext
from temporalio.worker import Worker

from jobs.errors import ServiceUnavailable
from storage.objects import INLINE_BYTES, open_store
from storage.payloads import data_converter
from tests.storage.echo import Echo

LARGE = "naïve 🦊 " * (5_000_000 // 12)


@pytest.fixture
def converter(tmp_path):
    return data_converter(open_store(tmp_path.as_uri()))


def stored(folder: Path):
    return [path for path in (folder / "payloads").glob("*") if path.is_file()]


def test_there_is_one_payload_converter_whatever_context_it_is_asked_for(converter):
    only = converter.payload_converter_class()
    before = dict(only.converters)
    context = WorkflowSerializationContext(namespace="default", workflow_id="any")
    assert replace(converter).with_context(context).payload_converter_class() is only
    assert only.with_context(context) is only
    assert only.converters == before


async def test_five_megabytes_go_through_a_workflow_and_leave_a_small_history(
    temporal, converter, tmp_path
):
    client = await Client.connect(temporal.address, data_converter=converter)
    name = uuid.uuid4().hex
    async with Worker(client, task_queue=name, workflows=[Echo]):
        handle = await client.start_workflow(
            "echo",
            {"input": {"text": LARGE, "wait": False}},
            id=name,
            task_queue=name,
            result_type=str,
        )
        assert await handle.result() == LARGE
    history = await handle.fetch_history()
    assert sum(event.ByteSize() for event in history.events) < 10_000
    assert len(stored(tmp_path)) == 2


async def test_equal_payloads_are_stored_once(converter, tmp_path):
    await converter.encode([LARGE])
    await converter.encode([LARGE, LARGE])
    assert len(stored(tmp_path)) == 1


@pytest.mark.parametrize(("size", "files"), [(INLINE_BYTES // 2, 0), (INLINE_BYTES + 1, 1)])
async def test_only_large_payloads_leave_the_history(converter, tmp_path, size, files):
    payloads = await converter.encode(["x" * size])
    assert len(stored(tmp_path)) == files
    assert await converter.decode(payloads, [str]) == ["x" * size]


async def test_a_large_payload_that_is_gone_is_an_error(converter, tmp_path):
    payloads = await converter.encode([LARGE])
    for path in stored(tmp_path):
        path.unlink()
    with pytest.raises(FileNotFoundError):
        await converter.decode(payloads, [str])


async def test_a_store_that_takes_nothing_is_unavailable(converter, tmp_path):
    stuck = tmp_path / "payloads"
    stuck.touch()  # where the folder should be
    with pytest.raises(ServiceUnavailable):
        await converter.encode([LARGE])
    stuck.unlink()
    assert await converter.decode(await converter.encode([LARGE]), [str]) == [LARGE]


async def test_a_converter_reads_what_another_process_stored(converter, tmp_path):
    payloads = [Payload.FromString(p.SerializeToString()) for p in await converter.encode([LARGE])]
    other = data_converter(open_store(tmp_path.as_uri()))
    assert await other.decode(payloads, [str]) == [LARGE]
