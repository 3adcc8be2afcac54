"""Claims about failures in Temporal: an operator can read them while a deed is being retried."""

import uuid
from datetime import timedelta

import pytest
from obstore.store import MemoryStore
from pydantic import TypeAdapter, ValidationError
from temporalio import activity
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from storage import short_failures
from storage.payloads import data_converter
from tests.installation import eventually
from tests.storage.trying import Trying

PAGE = "<html>" + "a proxy says: bad gateway 🦊 " * 1_000
SERVER_LIMIT = 4_096
"""Bytes of a pending deed's failure (`limit.mutableStateActivityFailureSize.error`)."""


def dig(depth: int, error: BaseException) -> None:
    if depth:
        dig(depth - 1, error)
    raise error


def raised(
    error: BaseException, depth: int = 0, cause: BaseException | None = None
) -> BaseException:
    error.__cause__ = cause
    with pytest.raises(type(error)) as caught:
        dig(depth, error)
    return caught.value


async def failure_of(error: BaseException) -> Failure:
    failure = Failure()
    await data_converter(MemoryStore()).encode_failure(error, failure)
    return failure


def chain(failure: Failure) -> list[Failure]:
    return [failure, *(chain(failure.cause) if failure.HasField("cause") else [])]


@activity.defn
async def fail_deeply() -> None:
    cause: BaseException = KeyError("first")
    for _ in range(6):
        cause = raised(ValueError(PAGE), depth=40, cause=cause)
    coded = ApplicationError(PAGE, type="submit_uncertain", next_retry_delay=timedelta(hours=1))
    raise raised(coded, depth=40, cause=cause)


async def test_the_server_shows_type_and_message_of_a_long_failure_while_its_deed_is_retried(
    temporal,
):
    client = await Client.connect(temporal.address, data_converter=data_converter(MemoryStore()))
    name = uuid.uuid4().hex
    async with Worker(client, task_queue=name, workflows=[Trying], activities=[fail_deeply]):
        handle = await client.start_workflow("trying", id=name, task_queue=name)

        async def pending():
            return list((await handle.describe()).raw_description.pending_activities)

        [deed] = await eventually(pending, lambda found: found and found[0].attempt == 2)
        await handle.terminate()
    assert deed.last_failure.application_failure_info.type == "submit_uncertain"
    assert deed.last_failure.message.startswith("<html>a proxy says")
    assert "dig" in deed.last_failure.stack_trace
    assert deed.last_failure.ByteSize() < SERVER_LIMIT


async def test_a_frame_is_one_line_that_names_file_line_and_function():
    failure = await failure_of(raised(ValueError("no"), depth=2))
    lines = failure.stack_trace.splitlines()
    assert len(lines) == 4
    assert all(each.startswith("tests/storage/test_short_failures.py:") for each in lines)
    assert [each.rpartition(" in ")[2] for each in lines] == ["raised", "dig", "dig", "dig"]


async def test_the_innermost_frames_are_kept():
    trace = (await failure_of(raised(ValueError("no"), depth=100))).stack_trace
    lines = trace.splitlines()
    assert len(lines) > 10
    assert all(each.endswith(" in dig") for each in lines)
    assert lines[-1] != lines[-2] == lines[0]
    longest = short_failures.LONGEST_TRACE
    assert longest - len(lines[0]) - 1 <= len(trace) <= longest


async def test_a_frame_of_a_library_is_named_from_the_library_on():
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(int).validate_json("not JSON")
    lines = (await failure_of(caught.value)).stack_trace.splitlines()
    assert lines[-1].startswith("pydantic/type_adapter.py:")


@pytest.mark.parametrize("text", ["short", "🦊" * 10])
async def test_a_message_that_fits_is_kept_whole(text):
    assert (await failure_of(raised(ValueError(text)))).message == text


async def test_a_long_message_is_cut_between_characters_and_says_so():
    message = (await failure_of(raised(ValueError(PAGE)))).message
    assert PAGE.startswith(message.removesuffix("…"))
    assert message.endswith("…")
    longest = short_failures.LONGEST_MESSAGE
    assert longest - len("🦊".encode()) < len(message.encode()) <= longest


async def test_causes_of_causes_of_a_cause_are_left_out():
    error = raised(ValueError(f"0: {PAGE}"))
    for each in range(1, 6):
        error = raised(ValueError(f"{each}: {PAGE}"), cause=error)
    links = chain(await failure_of(error))
    assert [each.message[0] for each in links] == ["5", "4", "3"]
    assert all(len(each.message.encode()) <= short_failures.LONGEST_CAUSE for each in links[1:])


async def test_a_failure_that_came_from_temporal_stays_as_it_is():
    converter = data_converter(MemoryStore())
    foreign = Failure(message=PAGE, stack_trace=PAGE)
    foreign.application_failure_info.type = "of_another_worker"
    error = await converter.decode_failure(foreign)
    assert await failure_of(raised(error)) == foreign
