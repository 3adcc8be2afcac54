"""The decorators of a job file: `@job`, `@signal`, `@query`."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast, get_args, get_type_hints

from pydantic import BaseModel
from temporalio import workflow

from jobs.approvals import Approve, Reject
from jobs.model import Outcome, Ticket
from jobs.registry import Check, Forecaster, JobType, add
from jobs.requests import SubmitDecision
from workflows.core.job import Job

J = TypeVar("J", bound="type[Job[Any, Any]]")
F = TypeVar("F", bound=Callable[..., Any])

OF_EVERY_JOB: dict[str, type[BaseModel]] = {
    "retry": SubmitDecision,
    "adopt": SubmitDecision,
    "approve": Approve,
    "reject": Reject,
}
"""Signals the kit itself handles: steps whose submit is uncertain, and approvals."""

SIGNAL_MARK, QUERY_MARK = "__backburner_signal__", "__backburner_query__"

DEADLINE_FACTOR = 20
"""A job that takes twenty times as long as expected is stuck, unless its type says otherwise."""

SHORTEST_DEADLINE = timedelta(hours=1)


def signal(method: F) -> F:
    """Let clients send the job this signal; its one parameter, if any, is a pydantic model.

    The handler may be sync or async. What it raises fails the job, as if `work` had raised it.
    """

    @wraps(method)
    async def handle(job: Job[Any, Any], *payload: Any) -> None:
        if _fits(method, payload):
            await job.handle(method, *payload)
        else:
            # Temporal itself drops what it cannot decode, but lets null and nothing pass.
            workflow.logger.warning("dropped a signal %r without its payload", method.__name__)

    setattr(handle, SIGNAL_MARK, True)
    return cast("F", workflow.signal(handle))


def _fits(method: Callable[..., Any], payload: tuple[Any, ...]) -> bool:
    model = _parameter(method)
    return not payload if model is None else len(payload) == 1 and isinstance(payload[0], model)


def query(method: F) -> F:
    """Let clients ask the job this question; it takes nothing and changes nothing."""
    setattr(method, QUERY_MARK, True)
    workflow.query(method)
    return method


def job(
    name: str,
    *,
    title: str,
    expected: timedelta,
    deadline: timedelta | None = None,
    failure_modes: tuple[str, ...] = (),
    check: Check | None = None,
    forecast: Forecaster | None = None,
) -> Callable[[J], J]:
    """Declare a job type; the class docstring is its description.

    Args:
        name: Unique, lower_snake_case; the name of the file.
        title: What it does, in a few words for people.
        expected: How long it usually takes; the ETA until there is history.
        deadline: After how long it fails; by default twenty times `expected`, an hour at least.
        failure_modes: Codes from `jobs.errors` a client should be ready for.
        check: Looks at a payload before the start, for what its model cannot say.
        forecast: Estimates a job from its payload, where the type's history says too little.

    Raises:
        JobTypeConflict: The name is malformed or taken.
    """

    def declare(cls: J) -> J:
        input_model, output_model = _models(cls)
        cls.title, cls.output_type = title, output_model
        _give_run(cls, input_model, output_model)
        workflow.defn(name=name, sandboxed=not _is_ours(cls))(cls)
        add(
            JobType(
                name=name,
                title=title,
                description=(cls.__doc__ or "").strip(),
                workflow=cls,
                input=input_model,
                output=output_model,
                expected=expected,
                deadline=deadline or max(DEADLINE_FACTOR * expected, SHORTEST_DEADLINE),
                failure_modes=failure_modes,
                signals=_signals(cls),
                queries=_queries(cls),
                check=check,
                forecast=forecast,
            )
        )
        return cls

    return declare


def _is_ours(cls: type) -> bool:
    """Tell whether a job type runs outside of Temporal's sandbox.

    A sandbox costs a workflow a third of its CPU and most of its memory. What it would catch in our
    own files, the linter bans, and every recorded history replays with them inside of it. Files of
    others have no such tests here.
    """
    return cls.__module__.split(".")[0] == __name__.split(".")[0]


def _models(cls: "type[Job[Any, Any]]") -> tuple[type[BaseModel], type[BaseModel]]:
    for base in getattr(cls, "__orig_bases__", ()):
        if getattr(base, "__origin__", None) is Job and all(map(_is_model, get_args(base))):
            input_model, output_model = get_args(base)
            return input_model, output_model
    raise TypeError(f"{cls.__name__} must subclass Job[Input, Output], both pydantic models")


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _give_run(
    cls: "type[Job[Any, Any]]", input_model: type[BaseModel], output_model: type[BaseModel]
) -> None:
    """Give the class the typed run method that Temporal decodes its ticket with."""

    async def run(self: Job[Any, Any], ticket: Ticket[Any]) -> Outcome[Any]:
        return await self.carry(ticket)

    run.__module__, run.__qualname__ = cls.__module__, f"{cls.__qualname__}.run"
    run.__annotations__ = {
        "ticket": Ticket.__class_getitem__(input_model),
        "return": Outcome.__class_getitem__(output_model),
    }
    cls.run = workflow.run(run)  # type: ignore[attr-defined] # Temporal finds it by this name


def _marked(cls: type, mark: str) -> list[Callable[..., Any]]:
    named = (getattr(cls, name) for name in dir(cls))  # a shared base class may declare some
    return [each for each in named if getattr(each, mark, False)]


def _signals(cls: type) -> dict[str, type[BaseModel] | None]:
    own = {method.__name__: _parameter(method) for method in _marked(cls, SIGNAL_MARK)}
    return own | OF_EVERY_JOB


def _queries(cls: type) -> dict[str, Any]:
    return {method.__name__: _answer(method) for method in _marked(cls, QUERY_MARK)}


def _answer(method: Callable[..., Any]) -> Any:
    if len(signature(method).parameters) > 1 or "return" not in get_type_hints(method):
        raise TypeError(f"query {method.__name__!r} must take nothing and say what it returns")
    return get_type_hints(method)["return"]


def _parameter(method: Callable[..., Any]) -> type[BaseModel] | None:
    names = list(signature(method).parameters)[1:]
    if not names:
        return None
    model = get_type_hints(method).get(names[0])
    if len(names) > 1 or not _is_model(model):
        raise TypeError(f"signal {method.__name__!r} must take nothing or one pydantic model")
    return model
