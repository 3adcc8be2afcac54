"""The decorators of a job file: `@job`, `@signal`, `@query`."""

from collections.abc import Callable
from datetime import timedelta
from inspect import signature
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel
from temporalio import workflow

from jobs.model import Outcome, Ticket
from jobs.registry import JobType, add
from workflows.core.job import Job

J = TypeVar("J", bound="type[Job[Any, Any]]")
F = TypeVar("F", bound=Callable[..., Any])

SIGNAL_MARK, QUERY_MARK = "__backburner_signal__", "__backburner_query__"

DEADLINE_FACTOR = 20
"""A job that takes twenty times as long as expected is stuck, unless its type says otherwise."""

SHORTEST_DEADLINE = timedelta(hours=1)


def signal(method: F) -> F:
    """Let clients send the job this signal; its one parameter, if any, is a pydantic model."""
    setattr(method, SIGNAL_MARK, True)
    workflow.signal(method)
    return method


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
) -> Callable[[J], J]:
    """Declare a job type; the class docstring is its description.

    Args:
        name: Unique, lower_snake_case; the name of the file.
        title: What it does, in a few words for people.
        expected: How long it usually takes; the ETA until there is history.
        deadline: After how long it fails; by default twenty times `expected`, an hour at least.
        failure_modes: Codes from `jobs.errors` a client should be ready for.

    Raises:
        JobTypeConflict: The name is malformed or taken.
    """

    def declare(cls: J) -> J:
        cls.title = title
        input_model, output_model = _models(cls)
        _give_run(cls, input_model, output_model)
        workflow.defn(name=name)(cls)
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
            )
        )
        return cls

    return declare


def _models(cls: "type[Job[Any, Any]]") -> tuple[type[BaseModel], type[BaseModel]]:
    for base in cls.__orig_bases__:  # type: ignore[attr-defined] # every Generic subclass has it
        if getattr(base, "__origin__", None) is Job:
            input_model, output_model = get_args(base)
            return input_model, output_model
    raise TypeError(f"{cls.__name__} must subclass Job[Input, Output]")


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
    return [each for each in vars(cls).values() if getattr(each, mark, False)]


def _signals(cls: type) -> dict[str, type[BaseModel] | None]:
    return {method.__name__: _parameter(method) for method in _marked(cls, SIGNAL_MARK)}


def _queries(cls: type) -> dict[str, Any]:
    return {
        method.__name__: get_type_hints(method)["return"] for method in _marked(cls, QUERY_MARK)
    }


def _parameter(method: Callable[..., Any]) -> type[BaseModel] | None:
    names = list(signature(method).parameters)[1:]
    if not names:
        return None
    model = get_type_hints(method)[names[0]]
    if len(names) > 1 or not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"signal {method.__name__!r} must take nothing or one pydantic model")
    return model
