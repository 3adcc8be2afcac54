"""Reading documents as something else than text."""

from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from jobs.ports import RowDeeds
from jobs.queues import Queue
from jobs.rows import Rows, RowsRequest
from jobs.values import DocumentId
from workflows.core import timing
from workflows.core.job import Job


async def read_rows(
    job: Job[Any, Any], document_id: DocumentId, columns: Sequence[str] = ()
) -> list[dict[str, JsonValue]]:
    """Read a CSV or JSON document as rows; of all columns, or only of those named.

    Raises:
        ActivityError: The document is missing, or is no table; the cause carries the code.
    """
    found: Rows = await workflow.execute_activity_method(
        RowDeeds.read_rows,
        RowsRequest(job=job.ticket.job, document_id=document_id, columns=tuple(columns)),
        task_queue=Queue.CPU.under(workflow.info().task_queue),
        schedule_to_close_timeout=job.remaining(),
        start_to_close_timeout=timing.EXTRACTION,
        heartbeat_timeout=timing.HEARTBEAT,
        retry_policy=timing.PERSISTENT,
        summary=f"Read the rows of document {document_id}",
    )
    return list(found.rows)
