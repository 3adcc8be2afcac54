"""The state of every node of a running pipeline."""

import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from jobs.values import JobId, Value

ITEM = re.compile(r"\.\d+(?=/|$)")
"""The number of an item in the name of a node inside of a map."""


class NodeState(StrEnum):
    """Where a node stands."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"

    @property
    def is_final(self) -> bool:
        """Whether it never changes any more."""
        return self not in (NodeState.WAITING, NodeState.RUNNING)


NAMES_TOLD = 3


class NodeReport(Value):
    """What became of one node.

    Attributes:
        node: The node's id, or its place in the tree; in a map, behind the item it ran for.
        kind: The kind of the node; `batch` is a part of a large map, run as a job of its own.
        job_id: The child job that ran it.
        code: Why it failed.
        message: The same for people.
    """

    node: str
    kind: str
    state: NodeState = NodeState.WAITING
    job_id: JobId | None = None
    code: str | None = None
    message: str | None = None


class Board:
    """Knows every node, those of maps as soon as their items are known.

    Attributes:
        leaves: How many leaves are known.
        leaves_done: How many of them have ended, or never begin.
    """

    def __init__(self) -> None:
        self._reports: dict[str, NodeReport] = {}
        self._pointers: dict[str, str] = {}
        self._weights: dict[str, int] = {}
        # Kept beside the reports: they are asked for at every step of a tree with many leaves.
        self._running: dict[str, None] = {}
        self._counts: dict[str, Counter[NodeState]] = {}
        self.leaves = self.leaves_done = 0

    def add(self, node: str, kind: str, pointer: str, *, weight: int) -> None:
        """Add a waiting node.

        Args:
            node: Its name.
            kind: Its kind.
            pointer: Where it is written; the same for all items of a map.
            weight: How many leaves it stands for.
        """
        self._reports[node] = NodeReport(node=node, kind=kind)
        self._pointers[node] = pointer
        self._weights[node] = weight
        self._counts.setdefault(pointer, Counter())[NodeState.WAITING] += 1
        self.leaves += weight

    def weigh(self, node: str, weight: int) -> None:
        """Say how many leaves a node stands for after all, before it ends."""
        self.leaves += weight - self._weights[node]
        self._weights[node] = weight
        if not weight:
            self._running.pop(node, None)

    def begin(self, node: str) -> None:
        """Write down that a node is at work."""
        self._update(node, state=NodeState.RUNNING)

    def assign(self, node: str, job_id: JobId) -> None:
        """Write down which child job runs a node."""
        self._update(node, job_id=job_id)

    def end(self, node: str, state: NodeState, *, code: str = "", message: str = "") -> None:
        """Write down how a node ended; once it has, nothing changes it."""
        self._update(node, state=state, code=code or None, message=message or None)

    def skip(self, node: str) -> None:
        """Write down that a node never begins, if it has not."""
        if self._reports[node].state is NodeState.WAITING:
            self._update(node, state=NodeState.SKIPPED)

    def reports(self) -> list[NodeReport]:
        """Return what became of every node, in the order in which they became known."""
        return list(self._reports.values())

    def stage(self) -> str:
        """Name the leaves at work, those of a map by its own name, that began first in front."""
        names = list(dict.fromkeys(ITEM.sub("", node) for node in self._running))
        more = f" and {len(names) - NAMES_TOLD} more" if len(names) > NAMES_TOLD else ""
        return ", ".join(names[:NAMES_TOLD]) + more

    def states_by_pointer(self) -> Mapping[str, Counter[NodeState]]:
        """Count the states of the nodes written at each place of the tree."""
        return self._counts

    def _update(self, node: str, **news: object) -> None:
        report = self._reports[node]
        if report.state.is_final:
            return
        counts = self._counts[self._pointers[node]]
        counts[report.state] -= 1
        self._reports[node] = report = report.model_copy(update=news)
        counts[report.state] += 1
        if report.state.is_final:
            self.leaves_done += self._weights[node]
            self._running.pop(node, None)
        elif report.state is NodeState.RUNNING and self._weights[node]:
            self._running[node] = None
