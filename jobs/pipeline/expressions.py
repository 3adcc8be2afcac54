"""JMESPath expressions: parsed once, judged before the start, evaluated within bounds.

An expression is written by a client and evaluated inside a workflow task, so its work is bounded:
`[@,@][]` piped into itself doubles a list each time.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter

from jobs.pipeline.bounds import (
    EVALUATION_STEPS,
    MAX_CHARACTERS,
    MAX_EXPRESSION,
    MAX_EXPRESSION_DEPTH,
    MAX_MEMBERS,
)

Ast = Mapping[str, Any]

CHARACTERS_PER_STEP = 32
"""Making a long list or text costs about a step per so many members."""

TROUBLE = (JMESPathError, ArithmeticError, TypeError, ValueError, RecursionError)
"""What jmespath raises for values a function or comparison does not take."""


class BadExpression(ValueError):
    """The expression can never be evaluated; the text says why."""


class EvaluationFailed(ValueError):
    """The expression cannot be evaluated on these values; the text says why."""


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes:
        names: The names it looks up where it starts: node ids, item variables, `input`.
    """

    text: str
    ast: Ast
    names: frozenset[str]


@lru_cache(maxsize=2_000)
def parse(text: str) -> Expression:
    """Parse an expression.

    Raises:
        BadExpression: It is no JMESPath, too long, or looks at no name.
    """
    if len(text) > MAX_EXPRESSION:
        raise BadExpression(f"longer than {MAX_EXPRESSION} characters")
    try:
        ast: Ast = jmespath.compile(text).parsed
    except JMESPathError as error:
        raise BadExpression(f"not JMESPath: {_first_line(error)}") from None
    except RecursionError:
        raise BadExpression("nested too deeply") from None
    if _depth(ast) > MAX_EXPRESSION_DEPTH:
        raise BadExpression(f"nested deeper than {MAX_EXPRESSION_DEPTH} levels")
    for function, arguments in _functions(ast):
        _judge(function, arguments)
    names: set[str] = set()
    if _look(ast, at_start=True, names=names) or not names:
        raise BadExpression("it has to begin with a name: a node's id, a variable, or `input`")
    return Expression(text, ast, frozenset(names))


def evaluate(expression: Expression, values: Mapping[str, Any]) -> Any:
    """Evaluate an expression on values by name; a path that leads nowhere gives None.

    Raises:
        EvaluationFailed: A function got what it does not take, or the result is too large.
    """
    try:
        found = _Bounded().visit(expression.ast, dict(values))
        weigh(found)
    except TROUBLE as error:
        raise EvaluationFailed(_first_line(error)) from None
    return found


def weigh(value: Any) -> int:
    """Return the size of a JSON value in characters and members.

    Raises:
        EvaluationFailed: It is too large, or holds what the record cannot keep.
    """
    members = characters = 0
    stack = [value]
    while stack:
        node = stack.pop()
        members += 1
        if isinstance(node, dict):
            characters += sum(map(_characters, node))
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, str):
            characters += _characters(node)
        elif isinstance(node, float) and not math.isfinite(node):
            raise EvaluationFailed("the result holds a number that is not finite")
        if members > MAX_MEMBERS or characters > MAX_CHARACTERS:
            raise EvaluationFailed("the result is too large")
    return members + characters


def _characters(text: str) -> int:
    """Count; a literal of an expression can spell what Postgres takes in no text."""
    if "\x00" in text or not (text.isascii() or _is_unicode(text)):
        raise EvaluationFailed("the result holds a character that cannot be kept")
    return len(text)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Bounded(TreeInterpreter):
    """jmespath's own interpreter, which stops when it has worked too much."""

    def __init__(self) -> None:
        super().__init__()
        self._left = EVALUATION_STEPS
        self._known = Functions()

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """Visit a node of the expression, and count the work."""
        self._spend(1)
        found = super().visit(node, *args, **kwargs)
        if isinstance(found, list | str):
            self._spend(len(found) // CHARACTERS_PER_STEP)
        return found

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        """Call a function; writing a value as text costs as much as the value is large."""
        arguments = [self.visit(child, value) for child in node["children"]]
        if node["value"] == "to_string":
            self._spend(sum(weigh(each) for each in arguments) // CHARACTERS_PER_STEP)
        return self._known.call_function(node["value"], arguments)

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise EvaluationFailed("it is too much work")


def members(expression: Expression, name: str) -> set[str] | None:
    """Return the members of what is called `name` that an expression looks at; None for all."""
    return _members(expression.ast, name)


def _members(node: Ast, name: str) -> set[str] | None:
    children = [each for each in node["children"] if isinstance(each, Mapping)]
    if node["type"] == "field":
        # A field of something else may have the name as well: then too much is returned.
        return None if node["value"] == name else set()
    found = [_members(each, name) for each in children]
    if node["type"] == "subexpression" and found[0] is None and children[0]["type"] == "field":
        member = _first_field(children[1])
        found[0] = None if member is None else {member}
    return None if None in found else set[str]().union(*(each for each in found if each))


def _first_field(node: Ast) -> str | None:
    while node["type"] in ("index_expression", "subexpression", "flatten", "projection"):
        node = node["children"][0]
    return str(node["value"]) if node["type"] == "field" else None


def _look(node: Ast, *, at_start: bool, names: set[str]) -> bool:
    """Collect the names that are looked up at the start; tell whether the result is all of them.

    Whoever takes everything at once takes results of nodes nobody can name beforehand.
    """
    children = [each for each in node["children"] if isinstance(each, Mapping)]
    match node["type"]:
        case "field":
            names.update([node["value"]] if at_start else [])
            return False
        case "current" | "identity":
            return at_start
        case "literal":
            return False
        case "subexpression" | "pipe" | "index_expression":
            for child in children:
                at_start = _look(child, at_start=at_start, names=names)
            return at_start
        case "projection" | "value_projection" | "filter_projection" | "flatten":
            whole = _look(children[0], at_start=at_start, names=names)
            for child in children[1:]:
                _look(child, at_start=False, names=names)
            return whole
        case "expref":
            _look(children[0], at_start=False, names=names)
            return False
        case "index" | "slice":
            return at_start
        case _:
            # Not `any`, which would stop at the first: each child's names are collected.
            return True in {_look(child, at_start=at_start, names=names) for child in children}


def _functions(node: Ast) -> Iterator[tuple[str, int]]:
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        if isinstance(child, Mapping):
            yield from _functions(child)


def _judge(function: str, arguments: int) -> None:
    """Refuse a function that does not exist, or is given too few or too many arguments."""
    known = cast("dict[str, dict[str, Any]]", Functions.FUNCTION_TABLE)
    if function not in known:
        raise BadExpression(f"there is no function {function!r}")
    signature = known[function]["signature"]
    fixed = len(signature)
    variadic = bool(signature) and signature[-1].get("variadic", False)
    if arguments < fixed or (arguments > fixed and not variadic):
        raise BadExpression(f"{function}() takes {fixed} arguments, not {arguments}")


def _depth(ast: Ast) -> int:
    deepest, stack = 0, [(ast, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((each, depth + 1) for each in node["children"] if isinstance(each, Mapping))
    return deepest


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0]
