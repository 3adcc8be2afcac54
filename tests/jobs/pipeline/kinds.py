"""Job types that exist only in the registry of a test, and a host that runs them at once."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from pydantic import BaseModel

from jobs.errors import InvalidPayload
from jobs.examining import examine
from jobs.model import Failure
from jobs.options import JobOptions
from jobs.pipeline.checking import check
from jobs.pipeline.forecast import forecast
from jobs.pipeline.interpreter import Interpreter
from jobs.pipeline.tree import ApprovalStep, PipelineInput
from jobs.registry import JobType
from jobs.status import JobStatus
from jobs.values import DocumentId, JobId

UNLUCKY = 13
"""A `number` fails when what it is given leaves this over from a division by a thousand."""


class NumberInput(BaseModel):
    n: int
    label: str = ""


class NumberOutput(BaseModel):
    n: int


class TextInput(BaseModel):
    text: str
    parts: list[str] = []
    sources: list[DocumentId] = []


class TextOutput(BaseModel):
    text: str
    points: list[str]


class Whole(BaseModel):
    result: Any


class Body:
    """Stands for a workflow class."""


def kind(name: str, takes: type[BaseModel], gives: type[BaseModel], **more: Any) -> JobType:
    seconds = timedelta(seconds=10)
    return JobType(name, name, "", Body, takes, gives, seconds, seconds, **more)


KINDS = {
    "number": kind("number", NumberInput, NumberOutput),
    "text": kind("text", TextInput, TextOutput),
    "pipeline": kind("pipeline", PipelineInput, Whole, check=check, forecast=forecast),
}


def number(n: int) -> int | None:
    """Do what a `number` job does; None when it fails."""
    return None if n % 1_000 == UNLUCKY else 2 * n + 1


@dataclass
class FakeEnded:
    job_id: JobId
    status: JobStatus
    output: Any = None
    failure: Failure | None = None


@dataclass
class FakeDecision:
    approved: bool = True
    comment: str | None = None
    edits: Any = None
    decided_by: str | None = "anna"
    is_default: bool = False


@dataclass
class FakeHost:
    """Runs `number` and `pipeline` jobs, in turns of the event loop instead of seconds."""

    decision: FakeDecision = field(default_factory=FakeDecision)
    started: list[str] = field(default_factory=list)
    payloads: dict[str, Any] = field(default_factory=dict)
    options: dict[str, JobOptions] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0
    stuck: frozenset[str] = frozenset()
    stopped: list[str] = field(default_factory=list)
    moves: int = 0

    def own_references(self, job_type: str) -> frozenset[str]:
        return KINDS[job_type].own_references

    async def run(
        self, job_type: str, payload: dict[str, Any], options: JobOptions, *, key: str
    ) -> FakeEnded:
        self.started.append(key)
        self.payloads[key], self.options[key] = payload, options
        if examine(KINDS[job_type], payload, KINDS).mistakes:
            why = Failure(code=InvalidPayload.code, message="it does not fit")
            return FakeEnded(_id(key), JobStatus.FAILED, failure=why)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if key in self.stuck:
                await asyncio.Event().wait()
            for _ in range(1 + len(key) * 7 % 4):  # not all jobs take equally long
                await asyncio.sleep(0)
            return await self._ended(job_type, payload, key)
        except asyncio.CancelledError:
            self.stopped.append(key)
            raise
        finally:
            self.at_once -= 1

    async def _ended(self, job_type: str, payload: dict[str, Any], key: str) -> FakeEnded:
        job_id = _id(key)
        if job_type == "pipeline":
            inner = Interpreter(self, PipelineInput.model_validate(payload))
            result = await inner.run()
            nodes = [each.model_dump(mode="json") for each in inner.board.reports()]
            output = {"result": result, "nodes": nodes, "results": inner.results}
            return FakeEnded(job_id, JobStatus.SUCCEEDED, output)
        if (found := number(payload["n"])) is None:
            why = Failure(code="unlucky", message=f"{payload['n']} is no lucky number")
            return FakeEnded(job_id, JobStatus.FAILED, failure=why)
        return FakeEnded(job_id, JobStatus.SUCCEEDED, {"n": found})

    async def ask(self, step: ApprovalStep, shown: Any, *, key: str) -> FakeDecision:
        self.started.append(key)
        self.payloads[key] = [step.title, shown]
        return self.decision

    def moved(self) -> None:
        self.moves += 1


def _id(key: str) -> JobId:
    return JobId(uuid5(NAMESPACE_OID, key))


def work(tree: Any, input: Any = None) -> dict[str, Any]:
    return {"tree": tree, "input": input}


async def ran(
    tree: Any, input: Any = None, host: FakeHost | None = None
) -> tuple[Any, Interpreter]:
    """Run a tree that has to be a good one; return its result and what ran it."""
    payload = work(tree, input)
    assert check(payload, KINDS).mistakes == []
    interpreter = Interpreter(host or FakeHost(), PipelineInput.model_validate(payload))
    return await interpreter.run(), interpreter
