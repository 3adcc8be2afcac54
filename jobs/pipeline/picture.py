"""A pipeline as Mermaid text, before it runs and while it does."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from jobs.pipeline.board import NodeState
from jobs.pipeline.tree import (
    ApprovalNode,
    ChainNode,
    ChordNode,
    GroupNode,
    JobNode,
    MapNode,
    Node,
)
from jobs.pipeline.walking import children

LARGEST = 60
"""Nodes drawn; a larger picture is no picture any more."""

LONGEST_LABEL = 60

HARMLESS = frozenset(" _-:.,?!/()…")

COLOURS = {
    NodeState.RUNNING: "fill:#fff3bf,stroke:#f08c00",
    NodeState.SUCCEEDED: "fill:#d3f9d8,stroke:#2b8a3e",
    NodeState.FAILED: "fill:#ffe3e3,stroke:#c92a2a",
    NodeState.CANCELED: "fill:#e9ecef,stroke:#868e96",
    NodeState.SKIPPED: "fill:#f8f9fa,stroke:#adb5bd,stroke-dasharray:4",
}

States = Mapping[str, Counter[NodeState]]

WORST_FIRST = (
    NodeState.FAILED,
    NodeState.RUNNING,
    NodeState.CANCELED,
    NodeState.WAITING,
    NodeState.SUCCEEDED,
    NodeState.SKIPPED,
)


def of_job(label: str) -> str:
    """Draw a job of any other type."""
    return f'flowchart TD\n  n1["{_escaped(label)}"]'


def draw(tree: Node, states: States | None = None) -> str:
    """Draw a tree; with states, each node in the colour of its state."""
    drawing = _Drawing(states or {})
    drawing.node(tree, "/tree", "  ")
    used = sorted({state for _, state in drawing.coloured})
    drawing.lines += [f"  classDef {state} {COLOURS[state]}" for state in used]
    drawing.lines += [f"  class {node} {state}" for node, state in drawing.coloured]
    if drawing.left_out:
        drawing.lines.append(f'  more["… and {drawing.left_out} more nodes"]')
    return "\n".join(["flowchart TD", *drawing.lines])


class _Drawing:
    """Writes lines; every method returns the first and the last nodes of what it drew."""

    def __init__(self, states: States) -> None:
        self.states = states
        self.lines: list[str] = []
        self.coloured: list[tuple[str, NodeState]] = []
        self.drawn = self.left_out = 0

    def node(self, node: Node, pointer: str, indent: str) -> tuple[list[str], list[str]]:
        """Draw a node with everything inside."""
        match node:
            case ChainNode():
                return self.chain(node, pointer, indent)
            case GroupNode():
                return self.beside(node, pointer, indent)
            case ChordNode():
                return self.chord(node, pointer, indent)
            case MapNode():
                return self.map(node, pointer, indent)
            case JobNode(job=step):
                label = f"{step.id}: {step.type}" if step.id else step.type
                return self.leaf(pointer, indent, f'["{self.label(label, pointer)}"]')
            case ApprovalNode(approval=step):
                return self.leaf(pointer, indent, f'{{{{"{self.label(step.title, pointer)}"}}}}')

    def leaf(self, pointer: str, indent: str, shape: str) -> tuple[list[str], list[str]]:
        """Draw one box."""
        if self.drawn >= LARGEST:
            self.left_out += 1
            return [], []
        self.drawn += 1
        name = f"n{self.drawn}"
        self.lines.append(f"{indent}{name}{shape}")
        if (state := self.state(pointer)) in COLOURS:
            self.coloured.append((name, state))
        return [name], [name]

    def chain(self, node: Node, pointer: str, indent: str) -> tuple[list[str], list[str]]:
        """Draw steps with arrows between them."""
        drawn = [self.node(child, pointer + place, indent) for child, place in children(node)]
        shown = [each for each in drawn if each[0]]
        for (_, lasts), (firsts, _) in pairwise(shown):
            self.arrows(lasts, firsts, indent)
        return (shown[0][0], shown[-1][1]) if shown else ([], [])

    def beside(self, node: Node, pointer: str, indent: str) -> tuple[list[str], list[str]]:
        """Draw members side by side."""
        drawn = [self.node(child, pointer + place, indent) for child, place in children(node)]
        return [n for first, _ in drawn for n in first], [n for _, last in drawn for n in last]

    def chord(self, node: ChordNode, pointer: str, indent: str) -> tuple[list[str], list[str]]:
        """Draw members side by side, all of which lead to one node."""
        group = GroupNode(group=node.chord.group)
        firsts, lasts = self.beside(group, f"{pointer}/chord", indent)
        then = self.node(node.chord.then, f"{pointer}/chord/then", indent)
        self.arrows(lasts, then[0], indent)
        return firsts or then[0], then[1] or lasts

    def map(self, node: MapNode, pointer: str, indent: str) -> tuple[list[str], list[str]]:
        """Draw what is done for each item, once, in a frame."""
        name = f"map{len(self.lines)}"
        title = (
            f"{node.map.id}: each {node.map.variable}"
            if node.map.id
            else f"each {node.map.variable}"
        )
        self.lines.append(f'{indent}subgraph {name}["{_escaped(title)}"]')
        drawn = self.node(node.map.do, f"{pointer}/map/do", indent + "  ")
        self.lines.append(f"{indent}end")
        return drawn

    def arrows(self, sources: list[str], targets: list[str], indent: str) -> None:
        """Lead from every source to every target."""
        if sources and targets:
            self.lines.append(f"{indent}{' & '.join(sources)} --> {' & '.join(targets)}")

    def label(self, text: str, pointer: str) -> str:
        """Write a label, with counts where a map runs the node many times."""
        counts = self.states.get(pointer, Counter())
        if counts.total() > 1:
            done = counts[NodeState.SUCCEEDED]
            failed = f", {counts[NodeState.FAILED]} failed" if counts[NodeState.FAILED] else ""
            text = f"{text} ({done}/{counts.total()}{failed})"
        return _escaped(text)

    def state(self, pointer: str) -> NodeState:
        """Return the one state that says most about a node that runs many times."""
        counts = self.states.get(pointer, Counter())
        return next((state for state in WORST_FIRST if counts[state]), NodeState.WAITING)


def _escaped(text: str) -> str:
    """Write text so that Mermaid takes it as text, whatever a client put into it."""
    short = text if len(text) <= LONGEST_LABEL else f"{text[:LONGEST_LABEL]}…"
    return "".join(_character(each if each.isprintable() else " ") for each in short)


def _character(each: str) -> str:
    return each if each.isalnum() or each in HARMLESS else f"#{ord(each)};"
