"""Claims about jobs' workflows: one run per job, and every silence of Temporal has one name."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from jobs.errors import JobNotStarted, ServiceUnavailable
from jobs.options import JobOptions
from jobs.registry import JobType
from jobs.starting import BACKSTOP, JOB_TENANT, JOB_TYPE, PARENT_JOB
from local.ports import free_port
from storage import executions, reaching
from storage.executions import Life
from storage.namespaces import register_search_attributes
from storage.objects import open_store
from storage.payloads import data_converter
from tests.installation import eventually
from tests.storage.echo import Echo
from tests.storage.rows import inserted, job_id

HOUR = timedelta(hours=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Words(BaseModel):
    text: str
    wait: bool = False


ECHO = JobType("echo", "Say it again", "", Echo, Words, Words, timedelta(seconds=1), HOUR)


@pytest.fixture
async def client(temporal, tmp_path):
    converter = data_converter(open_store(tmp_path.as_uri()))
    return await Client.connect(temporal.address, data_converter=converter)


@pytest.fixture
def queue():
    return f"q-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def row(db, tenant):
    return await inserted(db, tenant, type="echo", payload={"text": "x", "wait": True})


@pytest.fixture
async def serving(client, queue):
    async with Worker(client, task_queue=queue, workflows=[Echo]):
        yield


async def described(client, row):
    return await client.get_workflow_handle(str(row.id)).describe()


async def test_starting_a_job_many_times_makes_one_run(client, queue, row):
    await asyncio.gather(*(executions.start(client, queue, ECHO, row) for _ in range(8)))
    first = (await described(client, row)).run_id
    await executions.start(client, queue, ECHO, row)
    assert (await described(client, row)).run_id == first


async def test_starting_a_job_that_has_closed_changes_nothing(client, queue, row):
    await executions.start(client, queue, ECHO, row)
    await client.get_workflow_handle(str(row.id)).terminate()
    closed = await described(client, row)
    await executions.start(client, queue, ECHO, row)
    again = await described(client, row)
    assert (again.run_id, again.status) == (closed.run_id, WorkflowExecutionStatus.TERMINATED)


@pytest.mark.parametrize(("chosen", "deadline"), [(None, HOUR), (7, timedelta(seconds=7))])
async def test_temporal_ends_a_workflow_long_after_its_deadline(
    client, queue, db, tenant, chosen, deadline
):
    options = JobOptions(deadline_seconds=chosen)
    row = await inserted(db, tenant, type="echo", payload={"text": "x"}, options=options)
    await executions.start(client, queue, ECHO, row)
    config = (await described(client, row)).raw_description.execution_config
    assert config.workflow_execution_timeout.ToTimedelta() == deadline + BACKSTOP


async def test_a_workflow_can_be_found_by_type_and_tenant(client, queue, row):
    await executions.start(client, queue, ECHO, row)
    found = (await described(client, row)).typed_search_attributes
    assert (found[JOB_TYPE], found[JOB_TENANT]) == ("echo", row.tenant)
    assert PARENT_JOB not in found


async def test_registering_search_attributes_again_changes_nothing(client):
    await register_search_attributes(client)
    await register_search_attributes(client)


async def test_look_tells_absent_open_and_closed(client, queue, row):
    assert await executions.look(client, row.id) is Life.ABSENT
    await executions.start(client, queue, ECHO, row)
    assert await executions.look(client, row.id) is Life.OPEN
    await client.get_workflow_handle(str(row.id)).terminate()
    assert await executions.look(client, row.id) is Life.CLOSED


async def test_only_an_open_workflow_can_be_told(client, queue, row):
    for told in (False, True, False):
        assert await executions.ask_to_cancel(client, row.id, "why") is told
        assert await executions.signal(client, row.id, "poke", None) is told
        if told:
            await client.get_workflow_handle(str(row.id)).terminate()
        else:
            await executions.start(client, queue, ECHO, row)


async def test_a_query_is_answered_with_what_was_signaled(client, queue, row, serving):
    await executions.start(client, queue, ECHO, row)
    assert await executions.query(client, row.id, "heard", list[str]) == []
    await executions.ask_to_cancel(client, row.id, "why")
    assert await client.get_workflow_handle(str(row.id)).result() == "x"
    assert await executions.query(client, row.id, "heard", list[str]) == ["why"]


async def test_a_job_without_workflow_answers_no_query(client):
    with pytest.raises(JobNotStarted):
        await executions.query(client, job_id(), "heard", list)


async def test_a_job_without_worker_answers_no_query(client, queue, row, monkeypatch):
    monkeypatch.setattr(executions, "RPC_TIMEOUT", timedelta(milliseconds=300))
    await executions.start(client, queue, ECHO, row)
    with pytest.raises(ServiceUnavailable):
        await executions.query(client, row.id, "heard", list)


async def broken_off(client, queue, moment):
    return {each async for each in executions.broken_off_since(client, queue, moment)}


async def test_workflows_that_broke_off_are_found_by_queue_and_moment(client, queue, db, tenant):
    rows = [
        await inserted(db, tenant, type="echo", payload={"text": "x", "wait": True})
        for _ in range(5)
    ]
    queues = [queue, queue, queue, f"{queue}-other", queue]
    for row, its_queue in zip(rows, queues, strict=True):
        await executions.start(client, its_queue, ECHO, row)
    for row in rows[1:4]:
        await client.get_workflow_handle(str(row.id)).terminate()
    async with Worker(client, task_queue=queue, workflows=[Echo]):
        await executions.ask_to_cancel(client, rows[4].id, "so that it completes")
        await client.get_workflow_handle(str(rows[4].id)).result()
    wanted = {str(row.id) for row in rows[1:3]}
    await eventually(lambda: broken_off(client, queue, LONG_AGO), lambda found: found == wanted)
    last = (await described(client, rows[2])).close_time
    assert str(rows[2].id) in await broken_off(client, queue, last - timedelta(milliseconds=1))
    assert await broken_off(client, queue, last + timedelta(seconds=1)) == set()


async def test_temporal_tells_how_long_it_remembers(client):
    assert await executions.retention(client) >= timedelta(hours=1)


async def test_temporal_passes_the_probe(client):
    await executions.probe(client, timedelta(seconds=5))


DEEDS = {
    "start": lambda client, row: executions.start(client, "q", ECHO, row),
    "cancel": lambda client, row: executions.ask_to_cancel(client, row.id, "why"),
    "signal": lambda client, row: executions.signal(client, row.id, "poke", 1),
    "query": lambda client, row: executions.query(client, row.id, "heard", list),
    "look": lambda client, row: executions.look(client, row.id),
    "closed": lambda client, _: broken_off(client, "q", LONG_AGO),
    "probe": lambda client, _: executions.probe(client, timedelta(milliseconds=200)),
    "retention": lambda client, _: executions.retention(client),
}
# The SDK repeats a start for ten seconds; what it says then is tested where nobody listens.
QUICK_DEEDS = {name: deed for name, deed in DEEDS.items() if name != "start"}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
async def test_a_temporal_that_was_never_there_is_unavailable(row, deed):
    client = await Client.connect(
        f"127.0.0.1:{free_port()}", lazy=True, data_converter=pydantic_data_converter
    )
    with pytest.raises(ServiceUnavailable):
        await deed(client, row)


async def relay(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass  # the test has cut the line
    finally:
        writer.close()


@pytest.fixture
async def cut_off(temporal):
    """A client whose line to Temporal was cut after it had connected."""
    host, port = temporal.address.split(":")
    lines, writers = [], []

    async def serve(reader, writer):
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        writers.extend([writer, there_writer])
        lines.append(asyncio.create_task(relay(reader, there_writer)))
        lines.append(asyncio.create_task(relay(there_reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = await Client.connect(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()
    for writer in writers:
        writer.transport.abort()
    await asyncio.gather(*lines)
    return client


@pytest.mark.parametrize("deed", QUICK_DEEDS.values(), ids=QUICK_DEEDS)
async def test_a_temporal_that_went_away_is_soon_unavailable(cut_off, row, deed, monkeypatch):
    for module in (executions, reaching):
        monkeypatch.setattr(module, "RPC_TIMEOUT", timedelta(milliseconds=200))
    with pytest.raises(ServiceUnavailable):
        await asyncio.wait_for(deed(cut_off, row), 5)
