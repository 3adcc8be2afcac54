"""The nodes of a pipeline, as clients write them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    Tag,
    field_serializer,
    model_serializer,
    model_validator,
)

from jobs.options import JobOptions
from jobs.pipeline.bounds import DEFAULT_WINDOW, MAX_ITEMS, MAX_WINDOW
from jobs.registry import OWN_REFERENCES
from jobs.values import Strict

KINDS = ("job", "chain", "group", "chord", "map", "approval")

NAME = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
GivenName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Window = Annotated[int, Field(ge=1, le=MAX_WINDOW, description="How many members may run at once.")]


class Given(Strict):
    """A model that is written down again as it was given, without the defaults."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written = handler(self)
        fields = type(self).model_fields
        return {
            (fields[name].alias or name): written.get(fields[name].alias or name, written.get(name))
            for name in fields
            if name in self.model_fields_set
        }


class Reference(Given):
    """Stands for the value that a JMESPath expression finds."""

    expression: str = Field(alias="$from", examples=["summaries[].summary"])


class MinSuccess(Given):
    """Go on while at least so many members can succeed; fail as soon as they cannot."""

    min_success: int = Field(ge=1, le=MAX_ITEMS)


def _is_object(value: Any) -> str:
    """Tell the members of a union apart, so that a mistake is told once and not for each of them.

    Pydantic puts the answer into the location of an error. With a space in it, it is never mistaken
    for a member of the document.
    """
    return "an object" if isinstance(value, dict | Given) else "no object"


Policy = Annotated[
    Annotated[Literal["fail_fast", "continue"], Tag("no object")]
    | Annotated[MinSuccess, Tag("an object")],
    Discriminator(_is_object),
    Field(
        description="What a member's failure means: the end of all members; nothing, its result "
        "is null; or the end as soon as too few can succeed."
    ),
]

Over = Annotated[
    Annotated[list[Any], Tag("no object")] | Annotated[Reference, Tag("an object")],
    Discriminator(_is_object),
    Field(description="A list, or a reference to one."),
]


class JobStep(Given):
    """One job.

    Attributes:
        payload: Input of the job type; references may stand anywhere in it.
        options: Choices for this job; they win over those of the whole pipeline.
    """

    id: Name | None = None
    type: str = Field(min_length=1, max_length=64, examples=["summarize_text"])
    payload: dict[str, Any] = {}
    options: JobOptions = JobOptions()

    @field_serializer("options")
    def _chosen(self, options: JobOptions) -> dict[str, Any]:
        return options.model_dump(mode="json", exclude_unset=True)


class Chord(Given):
    """A group whose results are put together.

    Attributes:
        variable: Under this name `then` finds the list of the members' results.
    """

    id: Name | None = None
    group: list["Node"] = Field(min_length=1)
    variable: Name = Field(default="group", alias="as")
    then: "Node"
    window: Window = DEFAULT_WINDOW
    on_failure: Policy = "fail_fast"


class Map(Given):
    """One node, run for every item of a list.

    Attributes:
        over: The list, or a reference to one.
        variable: Under this name `do` finds its item.
    """

    id: Name | None = None
    over: Over
    variable: Name = Field(default="item", alias="as")
    do: "Node"
    window: Window = DEFAULT_WINDOW
    on_failure: Policy = "fail_fast"


class ApprovalStep(Given):
    """A person's decision.

    Attributes:
        show: What the approver sees and decides about; references may stand anywhere in it.
        editable: Whether the approver may change what is shown.
        timeout_seconds: After how long the default counts; None waits until the job's deadline.
        default: What counts when nobody answers in time; None fails the node.
        on_reject: Whether a rejection fails the node or is only told in its result.
    """

    id: Name | None = None
    title: str = Field(min_length=1, max_length=200, examples=["Publish this report?"])
    show: Any = None
    editable: bool = False
    timeout_seconds: int | None = Field(default=None, ge=1, le=30 * 24 * 3600)
    remind_after_seconds: int | None = Field(default=None, ge=1, le=30 * 24 * 3600)
    default: Literal["approve", "reject"] | None = None
    on_reject: Literal["fail", "continue"] = "fail"

    @model_validator(mode="after")
    def _default_has_its_time(self) -> Self:
        if self.default is not None and self.timeout_seconds is None:
            raise ValueError("a default counts after timeout_seconds, and there is none")
        return self


class JobNode(Given):
    """Runs a job."""

    job: JobStep


class ChainNode(Given):
    """Runs nodes one after the other; its result is the last one's."""

    chain: list["Node"] = Field(min_length=1)
    id: Name | None = None
    on_failure: Literal["fail_fast", "continue"] = "fail_fast"


class GroupNode(Given):
    """Runs nodes side by side; its result is the list of theirs, in the order written."""

    group: list["Node"] = Field(min_length=1)
    id: Name | None = None
    window: Window = DEFAULT_WINDOW
    on_failure: Policy = "fail_fast"


class ChordNode(Given):
    """Runs a group, then a node with its results; the result is that node's."""

    chord: Chord


class MapNode(Given):
    """Runs a node for every item; the result is the list of theirs, in the items' order."""

    map: Map


class ApprovalNode(Given):
    """Waits for a person."""

    approval: ApprovalStep


def kind_of(node: Any) -> str | None:
    """Return the kind of a node, None unless it has exactly one."""
    if isinstance(node, Given):
        node = type(node).model_fields
    found = [kind for kind in KINDS if kind in node] if isinstance(node, Mapping) else []
    return found[0] if len(found) == 1 else None


def _tag(node: Any) -> str | None:
    kind = kind_of(node)
    return kind and f"{kind} node"


Node = Annotated[
    Annotated[JobNode, Tag("job node")]
    | Annotated[ChainNode, Tag("chain node")]
    | Annotated[GroupNode, Tag("group node")]
    | Annotated[ChordNode, Tag("chord node")]
    | Annotated[MapNode, Tag("map node")]
    | Annotated[ApprovalNode, Tag("approval node")],
    Discriminator(
        _tag,
        custom_error_type="node_kind",
        custom_error_message=f"a node is an object with exactly one of {', '.join(KINDS)}",
    ),
]

EXAMPLE: dict[str, Any] = {
    "tree": {
        "chain": [
            {
                "job": {
                    "id": "summary",
                    "type": "summarize_text",
                    "payload": {"text": {"$from": "input.text"}},
                }
            },
            {
                "job": {
                    "id": "title",
                    "type": "generate_title",
                    "payload": {"content": {"$from": "summary.summary"}},
                }
            },
        ]
    },
    "input": {"text": "The pilot ran for six weeks in two branches."},
}


class PipelineInput(Given):
    """A tree of nodes, and what it works on.

    Attributes:
        tree: The outermost node.
        input: Found by references under the name `input`.
        given: Results known beforehand, by name; found by references like those of earlier nodes.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    tree: Annotated[Node, OWN_REFERENCES]
    input: Any = None
    given: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")], Any
    ] = {}


for _model in (Chord, Map, ChainNode, GroupNode, PipelineInput):
    _model.model_rebuild()
