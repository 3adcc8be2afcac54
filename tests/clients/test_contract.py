"""The client's own models are those of the gateway's `/openapi.json`."""

from functools import cache
from typing import Any

import pytest
from pydantic import BaseModel

from backburner.models import approvals, callbacks, documents, jobs, options, schedules
from docs.reference import openapi

Schemas = dict[type[BaseModel], tuple[str, ...]]

REPLIES: Schemas = {
    jobs.Job: ("JobView", "JobSummary", "JobAccepted"),
    jobs.Progress: ("Progress",),
    jobs.Failure: ("JobFailureView",),
    jobs.Cost: ("CostView",),
    jobs.Links: ("JobLinks",),
    jobs.Estimate: ("EstimateView",),
    jobs.PriceRange: ("PriceRange",),
    jobs.Unknown: ("Unknown",),
    jobs.JobTypeInfo: ("JobTypeView",),
    approvals.Approval: ("ApprovalView", "ApprovalSummary"),
    documents.Document: ("DocumentView",),
    callbacks.Callback: ("CallbackDetail", "CallbackView"),
    callbacks.Attempt: ("AttemptView",),
    callbacks.Endpoint: ("EndpointCreated", "EndpointView"),
    callbacks.Secret: ("SecretView",),
    callbacks.Channel: ("ChannelView",),
    schedules.Schedule: ("ScheduleView",),
    schedules.Run: ("RunView",),
    schedules.RunCounts: ("ScheduleCounts",),
    schedules.Preview: ("Preview",),
    schedules.PlannedRun: ("PlannedRun",),
}
CHOICES: Schemas = {
    options.JobOptions: ("JobOptions",),
    schedules.When: ("When",),
    schedules.Interval: ("Interval",),
    schedules.CalendarFields: ("CalendarFields",),
}
MODELS = REPLIES | CHOICES
ENUMS = {
    jobs.JobStatus: "JobStatus",
    approvals.ApprovalState: "ApprovalState",
    documents.DocumentState: "DocumentState",
    callbacks.DeliveryStatus: "DeliveryStatus",
    callbacks.EventType: "EventType",
    schedules.Overlap: "Overlap",
}
LEFT_OUT = {
    (approvals.Approval, "links"),
    (documents.Document, "links"),
    (schedules.Schedule, "links"),
}
"""Links to what the client finds by itself."""


@cache
def schemas() -> dict[str, Any]:
    found: dict[str, Any] = openapi()["components"]["schemas"]
    return found


def properties(model: type[BaseModel]) -> dict[str, list[dict[str, Any]]]:
    """Return what the gateway says of each property, in each of a model's schemas."""
    found: dict[str, list[dict[str, Any]]] = {}
    for schema in MODELS[model]:
        for name, described in schemas()[schema]["properties"].items():
            found.setdefault(name, []).append(described)
    return found


def alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = schema.get("anyOf", [schema])
    return found


def may_be_null(schema: dict[str, Any]) -> bool:
    # A schema without a type takes everything.
    return any(
        each.get("type", "null") == "null" for each in alternatives(schema) if "$ref" not in each
    )


def literals(schema: dict[str, Any]) -> set[str]:
    return {value for each in alternatives(schema) for value in each.get("enum", ())}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_has_the_fields_of_the_contract(model):
    wanted = {name for name in properties(model) if (model, name) not in LEFT_OUT}
    assert set(model.model_fields) == wanted


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_may_be_null_may_be_none_and_has_the_same_literals(model):
    own = model.model_json_schema()["properties"]
    for name, described in properties(model).items():
        if (model, name) in LEFT_OUT:
            continue
        if any(map(may_be_null, described)):
            assert may_be_null(own[name]), name
        if model in CHOICES:
            assert literals(own[name]) == set.union(*map(literals, described)), name


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_an_enumeration_has_the_values_of_the_contract(enum):
    assert [each.value for each in enum] == schemas()[ENUMS[enum]]["enum"]
