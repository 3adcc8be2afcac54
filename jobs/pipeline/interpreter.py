"""Running a pipeline: what happens in which order, and what a failure means.

Everything here follows from what the host returns, in the order in which it does, so that a replay
decides the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, assert_never

from jobs.approvals import why_rejected
from jobs.errors import (
    ApprovalRejected,
    DeadlineExceeded,
    InvalidPayload,
    JobCanceled,
    JobError,
    NodePayloadInvalid,
)
from jobs.options import JobOptions
from jobs.pipeline.board import Board, NodeState
from jobs.pipeline.hosting import Ended, Host
from jobs.pipeline.mapping import run_map
from jobs.pipeline.members import together
from jobs.pipeline.scopes import INPUT, NodeFailed, Scope, placed, resolved
from jobs.pipeline.tree import (
    ApprovalNode,
    ApprovalStep,
    ChainNode,
    Chord,
    ChordNode,
    GroupNode,
    JobNode,
    JobStep,
    MapNode,
    Node,
    PipelineInput,
)
from jobs.pipeline.walking import body_of, children, kind_name, leaves
from jobs.status import JobStatus

T = TypeVar("T")


class Interpreter:
    """Runs one tree."""

    def __init__(self, host: Host, work: PipelineInput) -> None:
        self.host, self.work, self.board = host, work, Board()
        self.scope = Scope({**work.given, INPUT: work.input}, "", "/tree")
        self.register(work.tree, "/tree", self.scope)

    @property
    def results(self) -> dict[str, Any]:
        """The results of the nodes that have an id and do not lie inside of a map."""
        found = ((body_of(node).id, node) for node, _ in placed(self.work.tree, "/tree"))
        return {name: self.scope.values.get(name) for name, _ in found if name is not None}

    async def run(self) -> Any:
        """Run the tree and return the result of its outermost node.

        Raises:
            NodeFailed: It failed.
        """
        return await self.node(self.work.tree, "/tree", self.scope)

    def register(self, node: Node, pointer: str, scope: Scope) -> None:
        """Put a node and those inside on the board."""
        for each, place in placed(node, pointer):
            inside = isinstance(each, JobNode | ApprovalNode | MapNode)
            weight = leaves(each) if inside else 0
            self.board.add(scope.name_of(each, place), kind_name(each), place, weight=weight)

    def skip(self, node: Node, pointer: str, scope: Scope) -> None:
        """Mark what will not begin any more."""
        for each, place in placed(node, pointer):
            self.board.skip(scope.name_of(each, place))

    async def node(self, node: Node, pointer: str, scope: Scope) -> Any:
        """Run a node and return its result."""
        name = scope.name_of(node, pointer)
        self.board.begin(name)
        self.host.moved()
        try:
            result = await self._result(node, pointer, scope, name)
        except NodeFailed as error:
            self.board.end(name, NodeState.FAILED, code=error.code, message=error.message)
            self._left(node, pointer, scope)
            raise
        except (Exception, asyncio.CancelledError):
            # Not when a worker that stops throws the workflow away: then there is no host.
            self.board.end(name, NodeState.CANCELED)
            self._left(node, pointer, scope)
            raise
        self.board.end(name, NodeState.SUCCEEDED)
        self._left(node, pointer, scope)
        if identifier := body_of(node).id:
            scope.values[identifier] = result
        return result

    def _left(self, node: Node, pointer: str, scope: Scope) -> None:
        self.skip(node, pointer, scope)
        self.host.moved()

    async def _result(self, node: Node, pointer: str, scope: Scope, name: str) -> Any:
        match node:
            case JobNode(job=step):
                return await self._job(step, f"{pointer}/job", scope, name)
            case ApprovalNode(approval=step):
                return await self._approval(step, f"{pointer}/approval", scope, name)
            case ChainNode():
                return await self._chain(node, pointer, scope)
            case GroupNode():
                return await self._group(node, node, pointer, scope, name)
            case ChordNode(chord=chord):
                return await self._chord(node, chord, pointer, scope, name)
            case MapNode(map=spec):
                return await run_map(self, spec, pointer, scope, name)
            case _:
                assert_never(node)

    async def _job(self, step: JobStep, pointer: str, scope: Scope, name: str) -> Any:
        own = self.host.own_references(step.type)
        place = f"{pointer}/payload"
        payload = resolved(step.payload, scope, place, name, leaving=own)
        try:
            return await self.child(name, step.type, payload, step.options)
        except NodeFailed as error:
            if error.code != InvalidPayload.code:
                raise
            # The tree was checked, so it is what the references brought that does not fit.
            message = f"{place}: {error.message}"
            raise NodeFailed(name, NodePayloadInvalid.code, message) from error

    async def child(self, name: str, job_type: str, payload: Any, options: JobOptions) -> Any:
        """Run a child job for a node and return its output."""
        ended: Ended = await _coded(name, self.host.run(job_type, payload, options, key=name))
        self.board.assign(name, ended.job_id)
        if ended.status is JobStatus.SUCCEEDED:
            return ended.output
        if ended.failure is not None:
            raise NodeFailed(name, ended.failure.code, ended.failure.message)
        self.board.end(name, NodeState.CANCELED, code=JobCanceled.code)
        raise NodeFailed(name, JobCanceled.code, "the child job was canceled")

    async def _approval(self, step: ApprovalStep, pointer: str, scope: Scope, name: str) -> Any:
        shown = resolved(step.show, scope, f"{pointer}/show", name)
        decision = await _coded(name, self.host.ask(step, shown, key=name))
        if not decision.approved and step.on_reject == "fail":
            raise NodeFailed(name, ApprovalRejected.code, why_rejected(decision))
        return {
            "approved": decision.approved,
            "value": shown if decision.edits is None else decision.edits,
            "comment": decision.comment,
            "decided_by": decision.decided_by,
            "is_default": decision.is_default,
        }

    async def _chain(self, node: ChainNode, pointer: str, scope: Scope) -> Any:
        result = None
        for step, place in children(node):
            try:
                result = await self.node(step, pointer + place, scope)
            except NodeFailed:
                if node.on_failure == "fail_fast":
                    raise
                result = None
        return result

    async def _group(
        self, node: Node, spec: GroupNode | Chord, pointer: str, scope: Scope, name: str
    ) -> list[Any]:
        members = list(children(node))[: len(spec.group)]
        runs = [self.later(member, pointer + place, scope) for member, place in members]
        return await together(name, runs, spec.window, spec.on_failure)

    def later(self, node: Node, pointer: str, scope: Scope) -> Callable[[], Awaitable[Any]]:
        """Return what runs a node when it is called."""
        return lambda: self.node(node, pointer, scope)

    async def _chord(self, node: Node, chord: Chord, pointer: str, scope: Scope, name: str) -> Any:
        results = await self._group(node, chord, pointer, scope, name)
        inner = scope.with_variable(chord.variable, results)
        return await self.node(chord.then, f"{pointer}/chord/then", inner)


async def _coded(name: str, work: Awaitable[T]) -> T:
    """Let an error with a code be the node's; but when the time is up, it is for all nodes."""
    try:
        return await work
    except DeadlineExceeded:
        raise
    except JobError as error:
        raise NodeFailed(name, error.code, error.detail) from error
