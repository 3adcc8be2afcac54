"""Where a workflow sends what its own queue does not serve."""

from temporalio import workflow

from jobs.queues import Queue


def named(queue: Queue) -> str:
    """Return the name of a queue in the installation whose main queue carries this workflow."""
    return queue.under(workflow.info().task_queue)
