"""Claims about the small values: status, money, fingerprints, ids, queues, models."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore
from pydantic import BaseModel, TypeAdapter, ValidationError

from jobs.children import ChildRequest
from jobs.fingerprints import canonical_json, fingerprint
from jobs.ids import uuid7
from jobs.model import JobRef, Outcome, Progress, Ticket
from jobs.money import Cost, Usage, amount, one_response, total
from jobs.options import JobOptions, KeptJobOptions, KeptResponseOptions, ResponseOptions
from jobs.queues import SWITCHES, Queue
from jobs.requests import ResponseRequest, TextPart
from jobs.schedules.model import ScheduledJob
from jobs.status import OPEN, TERMINAL, JobStatus, may_move
from jobs.values import JobId, Tenant
from storage.payloads import data_converter

tokens = st.integers(0, 10**9)
usages = st.builds(Usage, **dict.fromkeys(Usage.model_fields, tokens))
prices = st.none() | st.decimals(0, 1000, places=6)
responses = st.lists(st.builds(one_response, usages, prices), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_a_status_is_either_open_or_terminal():
    assert set(JobStatus) == OPEN | TERMINAL
    assert not OPEN & TERMINAL
    assert {each for each in JobStatus if each.is_terminal} == TERMINAL


@pytest.mark.parametrize("current", JobStatus)
@pytest.mark.parametrize("to", JobStatus)
def test_a_job_moves_only_forward_and_never_leaves_a_terminal_status(current, to):
    order = {JobStatus.PENDING: 0, JobStatus.RUNNING: 1}
    forward = not current.is_terminal and order.get(to, 2) > order[current]
    assert may_move(current, to) is forward


@given(responses, responses)
def test_costs_add_up_in_any_order_and_grouping(left, right):
    assert total(left) + total(right) == total(right + left) == total(left + right)


@given(responses)
def test_an_unknown_price_is_counted_and_never_becomes_zero(costs):
    sum_of_all = total(costs)
    known = [each.usd for each in costs if each.usd is not None]
    assert sum_of_all.usd == (sum(known) if known else None)
    assert sum_of_all.responses == len(costs)
    assert sum_of_all.unpriced_responses == len(costs) - len(known)


@given(responses)
def test_usage_adds_up_field_by_field(costs):
    for name in Usage.model_fields:
        assert getattr(total(costs).usage, name) == sum(getattr(c.usage, name) for c in costs)


def test_a_free_response_is_not_one_without_a_price():
    free, unpriced = one_response(Usage(), Decimal(0)), one_response(Usage(), None)
    assert free.usd == 0
    assert unpriced.usd is None
    assert (free + unpriced).unpriced_responses == 1


@given(responses)
def test_a_cost_survives_json_to_the_last_digit(costs):
    cost = total(costs)
    assert Cost.model_validate_json(cost.model_dump_json()) == cost


@given(st.dictionaries(st.text(), json_values, min_size=2), st.randoms())
def test_a_fingerprint_ignores_the_order_of_keys(value, random):
    names = list(value)
    random.shuffle(names)
    assert fingerprint({name: value[name] for name in names}) == fingerprint(value)


@given(json_values, json_values)
def test_fingerprints_agree_exactly_when_the_json_does(one, other):
    same = canonical_json(one) == canonical_json(other)
    assert (fingerprint(one) == fingerprint(other)) is same
    assert json.loads(canonical_json(one)) == one


def test_the_order_of_a_list_is_part_of_its_fingerprint():
    assert fingerprint([1, 2]) != fingerprint([2, 1])


def test_a_fingerprint_never_changes_between_versions():
    # It is stored beside idempotency keys: another value would turn every replay into a conflict.
    assert fingerprint({"ü": [1, None, "x"]}) == (
        "ea4b2e6a65f5326a1c0cf8a12471d08c6fca29cfaa2df37076e61bc8420c145f"
    )


@given(st.integers(0, 2**48 - 1))
def test_uuid7_carries_version_variant_and_time(milliseconds):
    made = uuid7(milliseconds)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == milliseconds


@given(st.lists(st.integers(0, 2**48 - 1), unique=True))
def test_uuid7_sorts_by_millisecond(moments):
    ids = [uuid7(each) for each in moments]
    assert [each.int >> 80 for each in sorted(ids)] == sorted(moments)
    assert sorted(ids) == sorted(ids, key=str)


def test_uuid7_made_in_one_millisecond_do_not_collide():
    assert len({uuid7(1) for _ in range(10_000)}) == 10_000


def test_queue_names_differ_and_start_with_the_base():
    names = {each.under("base") for each in Queue}
    assert len(names) == len(Queue)
    assert all(name.startswith("base") for name in names)
    assert sorted(queue for served in SWITCHES.values() for queue in served) == sorted(Queue)


@given(st.integers(), st.integers(0))
def test_percent_lies_between_0_and_100(current, total):
    assert 0 <= Progress(current=current, total=total).percent <= 100


@pytest.mark.parametrize(
    ("current", "total", "percent"),
    [(0, 0, 0), (7, 0, 0), (0, 3, 0), (1, 3, 33), (2, 3, 66), (3, 3, 100), (5, 3, 100)],
)
def test_percent_rounds_down_so_that_only_the_whole_is_100(current, total, percent):
    assert Progress(current=current, total=total).percent == percent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tries", 0),
        ("max_tries", 11),
        ("deadline_seconds", 0),
        ("deadline_seconds", 30 * 24 * 3600 + 1),
        ("max_output_tokens", 15),
        ("model", ""),
        ("model", "m" * 201),
        ("max_trys", 3),
    ],
)
def test_options_out_of_bounds_or_misspelt_are_refused(name, value):
    with pytest.raises(ValidationError):
        JobOptions.model_validate({name: value})


@pytest.mark.parametrize("name", ["new_option", "max_trys"])
@pytest.mark.parametrize("chosen", [None, 1])
def test_the_door_refuses_an_option_it_does_not_know_even_when_it_is_null(name, chosen):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        JobOptions.model_validate(JobOptions().model_dump() | {name: chosen})


@pytest.mark.parametrize("tries", [1, 10])
def test_options_at_their_bounds_are_accepted(tries):
    assert JobOptions(max_tries=tries, deadline_seconds=30 * 24 * 3600).max_tries == tries


class Page(BaseModel):
    text: str
    price: Decimal


def ticket():
    return Ticket[Page](
        job=JobRef(tenant=Tenant("t"), job_id=JobId(uuid7(5)), type="page"),
        input=Page(text="naïve 🦊", price=Decimal("0.10")),
        options=JobOptions(max_tries=2),
        deadline=timedelta(hours=1),
        expected=timedelta(seconds=1.5),
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (ticket(), Ticket[Page]),
        (Outcome[Page](output=ticket().input, cost=Cost(usd=Decimal("0.30"))), Outcome[Page]),
    ],
    ids=["ticket", "outcome"],
)
async def test_generic_values_come_back_from_temporals_converter_as_they_went(value, kind):
    converter = data_converter(MemoryStore())
    payloads = await converter.encode([value])
    [back] = await converter.decode(payloads, [kind])
    assert back == value
    assert type(back) is kind


async def test_a_ticket_of_unknown_input_serializes_the_input_it_holds():
    converter = data_converter(MemoryStore())
    known = ticket()
    loose = Ticket[Any](**dict(known))
    [back] = await converter.decode(await converter.encode([loose]), [Ticket[Page]])
    assert back == known


def test_values_ignore_what_a_newer_version_added():
    assert Progress.model_validate({"current": 1, "total": 2, "since": "later"}).percent == 50


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (ticket(), Ticket[Page]),
        (ChildRequest(key="k", type="t", payload={}, options=JobOptions(priority=1)), ChildRequest),
        (ScheduledJob(type="t", payload={}, options=JobOptions(model="m")), ScheduledJob),
        (
            ResponseRequest(input=(TextPart(text="t"),), options=ResponseOptions(store=False)),
            ResponseRequest,
        ),
    ],
    ids=["ticket", "child", "schedule", "response"],
)
@pytest.mark.parametrize("chosen", [None, "later"])
async def test_a_newer_versions_option_does_not_keep_older_processes_from_reading(
    value, kind, chosen
):
    written = value.model_dump(mode="json")
    written["options"]["new_option"] = chosen
    converter = data_converter(MemoryStore())
    [back] = await converter.decode(await converter.encode([written]), [kind])
    assert back == value


@pytest.mark.parametrize(
    ("kept", "given"),
    [(KeptJobOptions, JobOptions), (KeptResponseOptions, ResponseOptions)],
    ids=["job", "response"],
)
def test_options_that_are_kept_have_the_same_schema_and_the_same_bounds(kept, given):
    adapter = TypeAdapter(kept)
    for mode in ("validation", "serialization"):
        assert adapter.json_schema(mode=mode) == given.model_json_schema(mode=mode)
    with pytest.raises(ValidationError):
        adapter.validate_python({"max_output_tokens": 1})


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        ("0", "0.0000"),
        ("12.34567", "12.3457"),
        ("0.0123", "0.0123"),
        ("0.001", "0.0010"),
        ("0.00099", "0.00099"),
        ("0.000056", "0.000056"),
        ("0.0000000789", "0.000000079"),
    ],
)
def test_a_small_amount_is_not_written_as_nothing(usd, words):
    assert amount(Decimal(usd)) == words
