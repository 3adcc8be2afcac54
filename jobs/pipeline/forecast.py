"""What a pipeline will probably cost and how long it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from jobs.forecasts import (
    UNKNOWN,
    Forecast,
    History,
    Prices,
    in_turn,
    of_history,
    side_by_side,
    times,
)
from jobs.pipeline.bounds import BATCH_ITEMS
from jobs.pipeline.expressions import EvaluationFailed, evaluate, parse
from jobs.pipeline.picture import draw
from jobs.pipeline.scopes import INPUT
from jobs.pipeline.tree import (
    ApprovalNode,
    ApprovalStep,
    ChordNode,
    GroupNode,
    JobNode,
    JobStep,
    Map,
    MapNode,
    Node,
    PipelineInput,
)
from jobs.pipeline.walking import children
from jobs.registry import JobType

ANYTHING = Prices(Decimal(0), None, None)
"""The price of nobody knows how many jobs, perhaps none."""


def forecast(
    payload: Any, job_types: Mapping[str, JobType], histories: Mapping[str, History]
) -> Forecast:
    """Forecast a pipeline: steps add up, members run side by side in their window."""
    try:
        work = PipelineInput.model_validate(payload)
    except ValidationError:
        # A pipeline inside of another one, whose payload has references of the outer one.
        return Forecast(jobs=1, prices=UNKNOWN, unknown=(("", "known only when it runs"),))
    found = _Forecaster(work, job_types, histories).node(work.tree, "/tree")
    return replace(found, picture=draw(work.tree))


@dataclass(frozen=True)
class _Forecaster:
    work: PipelineInput
    job_types: Mapping[str, JobType]
    histories: Mapping[str, History]

    def node(self, node: Node, pointer: str) -> Forecast:
        match node:
            case JobNode(job=step):
                return self.job(step, f"{pointer}/job")
            case ApprovalNode(approval=step):
                return _wait(step, f"{pointer}/approval")
            case MapNode(map=spec):
                return self.map(spec, f"{pointer}/map")
            case GroupNode():
                return side_by_side(self.inside(node, pointer), node.window)
            case ChordNode(chord=chord):
                *members, then = self.inside(node, pointer)
                return in_turn([side_by_side(members, chord.window), then])
            case _:
                return in_turn(self.inside(node, pointer))

    def inside(self, node: Node, pointer: str) -> list[Forecast]:
        return [self.node(child, pointer + place) for child, place in children(node)]

    def job(self, step: JobStep, pointer: str) -> Forecast:
        job_type = self.job_types[step.type]
        if job_type.forecast is None:
            found = of_history(step.type, job_type.expected, self.histories.get(step.type))
            return _seen_from(found, pointer)
        found = job_type.forecast(step.payload, self.job_types, self.histories)
        return _seen_from(found, f"{pointer}/payload")

    def map(self, spec: Map, pointer: str) -> Forecast:
        each = self.node(spec.do, f"{pointer}/do")
        count = self.count(spec)
        if count is not None:
            full, rest = divmod(count, BATCH_ITEMS)
            batches = [times(each, BATCH_ITEMS, spec.window)] * full
            return in_turn([*batches, times(each, rest, spec.window)] if rest else batches)
        why = (f"{pointer}/over", "how many items there are is known when it runs; counted as one")
        return replace(each, prices=ANYTHING, unknown=(*each.unknown, why))

    def count(self, spec: Map) -> int | None:
        """Return how many items a map has, where the payload itself says so."""
        if isinstance(spec.over, list):
            return len(spec.over)
        expression = parse(spec.over.expression)
        known = {**self.work.given, INPUT: self.work.input}
        if not expression.names <= known.keys():
            return None
        try:
            items = evaluate(expression, known)
        except EvaluationFailed:
            return None
        return len(items) if isinstance(items, list) else None


def _wait(step: ApprovalStep, pointer: str) -> Forecast:
    why = "how long a person takes is not known; counted as nothing"
    if step.timeout_seconds is not None:
        then = {None: "fails", "approve": "is approved", "reject": "is rejected"}[step.default]
        why = f"{why}, though after {step.timeout_seconds} seconds it {then} by itself"
    return Forecast(unknown=((pointer, why),))


def _seen_from(found: Forecast, pointer: str) -> Forecast:
    unknown = tuple((pointer + at, why) for at, why in found.unknown)
    return replace(found, unknown=unknown)
