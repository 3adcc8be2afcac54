"""Tools a model may be given: which of them the provider does not run itself.

A response that calls such a tool ends there and waits to be continued with what the tool returned.
No step here is continued that way, so the tool would be paid for and the answer be missing.
"""

from collections.abc import Iterable
from typing import Any

OF_CALLERS = frozenset(
    {
        "apply_patch",
        "computer",
        "computer_use_preview",
        "custom",
        "function",
        "local_shell",
        "namespace",
    }
)
"""Kinds that the caller always runs; a namespace holds functions and custom tools only."""


def run_by_callers(tools: Iterable[dict[str, Any]]) -> list[str]:
    """Say which tools the provider leaves to its caller, in words for the job type's author.

    Kinds that nobody here knows pass: the provider itself says what it takes.
    """
    return [why for tool in tools if (why := _why_left(tool))]


def _why_left(tool: dict[str, Any]) -> str | None:
    kind = tool.get("type")
    if kind in OF_CALLERS:
        return f"{kind!r}"
    if kind == "shell" and not _kind_of(tool.get("environment")).startswith("container"):
        return "'shell' whose environment is no container of the provider"
    if kind == "tool_search" and tool.get("execution") == "client":
        return "'tool_search' whose execution is 'client'"
    # Approval is the provider's default. A filter may still let every call pass that is made.
    if kind == "mcp" and tool.get("require_approval") in (None, "always"):
        return "'mcp' whose require_approval is not 'never'"
    return None


def _kind_of(environment: Any) -> str:
    return str(environment.get("type")) if isinstance(environment, dict) else ""
