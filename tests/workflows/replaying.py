"""Replaying recorded histories, in a sandbox stricter than a worker's."""

from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

HISTORIES = Path(__file__).parent / "histories"
RECORDED = sorted(HISTORIES.glob("*/*.json"))
PASSED_THROUGH = ("jobs", "workflows.core")
"""What is imported once. Job files are not: a worker runs ours outside of the sandbox, so it is
here that it looks at what they do."""


def runner() -> SandboxedWorkflowRunner:
    """Return a sandbox with the job files inside of it."""
    return SandboxedWorkflowRunner(
        SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def history_in(path: Path) -> WorkflowHistory:
    """Read a recorded history."""
    return WorkflowHistory.from_json(path.stem, path.read_text("utf-8"))


async def replay(history: WorkflowHistory, workflow: type) -> None:
    """Replay a history.

    Raises:
        temporalio.workflow.NondeterminismError: The workflow would decide otherwise today.
    """
    # The corpus holds no large payload, so the worker's object store is not needed.
    replayer = Replayer(
        workflows=[workflow],
        workflow_runner=runner(),
        unsandboxed_workflow_runner=runner(),
        data_converter=pydantic_data_converter,
    )
    await replayer.replay_workflow(history)
