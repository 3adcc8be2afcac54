"""Every kind of tool that the SDK knows is one that the provider runs, or is refused."""

from typing import Any, get_args, get_type_hints

import pytest
from openai.types.responses import ToolParam

from jobs.tools import OF_CALLERS, run_by_callers

RUN_BY_THE_PROVIDER: list[dict[str, Any]] = [
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "file_search", "vector_store_ids": ["vs_1"]},
    {"type": "image_generation"},
    {"type": "mcp", "server_label": "a", "require_approval": "never"},
    {"type": "mcp", "server_label": "a", "require_approval": {"never": {"tool_names": ["b"]}}},
    {"type": "programmatic_tool_calling"},
    {"type": "shell", "environment": {"type": "container_auto"}},
    {"type": "shell", "environment": {"type": "container_reference", "container_id": "c"}},
    {"type": "tool_search"},
    {"type": "tool_search", "execution": "server"},
    {"type": "web_search"},
    {"type": "web_search_2025_08_26"},
    {"type": "web_search_preview"},
    {"type": "web_search_preview_2025_03_11"},
]


def kinds() -> set[str]:
    """List what may stand in a tool's `type`."""
    hints = [get_type_hints(each)["type"] for each in get_args(ToolParam)]
    return {kind for hint in hints for kind in get_args(hint)}


def test_every_kind_that_the_sdk_knows_was_thought_about():
    assert kinds() == OF_CALLERS | {each["type"] for each in RUN_BY_THE_PROVIDER}


@pytest.mark.parametrize("tool", RUN_BY_THE_PROVIDER, ids=str)
def test_what_the_provider_runs_passes(tool: dict[str, Any]):
    assert run_by_callers([tool]) == []


@pytest.mark.parametrize(
    "tool",
    [
        *({"type": kind} for kind in sorted(OF_CALLERS)),
        {"type": "shell"},
        {"type": "shell", "environment": {"type": "local"}},
        {"type": "tool_search", "execution": "client"},
        {"type": "mcp", "server_label": "a"},
        {"type": "mcp", "server_label": "a", "require_approval": "always"},
    ],
    ids=str,
)
def test_what_the_caller_has_to_run_or_to_approve_is_named(tool: dict[str, Any]):
    [why] = run_by_callers([{"type": "web_search"}, tool])
    assert why.startswith(repr(tool["type"]))


def test_a_kind_that_nobody_here_knows_is_left_to_the_provider():
    assert run_by_callers([{"type": "of_tomorrow"}, {}]) == []
