"""Signatures of every activity. Bodies live in `activities/`; workflows call these.

Each class is one slice, implemented by one file.
"""

from temporalio import activity

from jobs.approvals import (
    ApprovalReminder,
    ApprovalRequest,
    ApprovalSettlement,
    ApprovalStanding,
    Settlement,
)
from jobs.callbacks import AttemptRequest, Verdict
from jobs.children import ChildOpening, ChildOutcome, OpenedChild
from jobs.library import Claimed, ClaimRequest, DocumentOfJob, RecentDocuments, RecentRequest
from jobs.model import Ending, JobRef, ProgressReport, Standing
from jobs.requests import (
    AdoptRequest,
    AttachRequest,
    CancelRequest,
    DocumentPart,
    ExtractedDocument,
    ExtractRequest,
    StepOutcome,
    StepRequest,
    Unanswered,
)
from jobs.rows import Rows, RowsRequest
from jobs.schedules.runs import Opened, ScheduledRun

RESPOND = "respond"
"""Name of the activity that waits for a response."""


class ResponseDeeds:
    """What is done with the provider."""

    @activity.defn(name=RESPOND)
    async def respond(self, step: StepRequest) -> StepOutcome | Unanswered | None:
        """Submit a step's response, wait, settle; resume instead when it was submitted.

        Returns:
            None when the rate budget has no room: then `submit_response` has to submit it first.
            That there is no answer yet, when only a part of the wait was wanted.
        """
        raise NotImplementedError

    @activity.defn(name="submit_response")
    async def submit_response(self, step: StepRequest) -> None:
        """Submit a step's response and return; for the queue whose rate is the provider's."""
        raise NotImplementedError

    @activity.defn(name="adopt_response")
    async def adopt_response(self, request: AdoptRequest) -> None:
        """Give a parked step's uncertain submit the id that an operator found."""
        raise NotImplementedError

    @activity.defn(name="cancel_responses")
    async def cancel_responses(self, request: CancelRequest) -> None:
        """Cancel and settle every open response of a job."""
        raise NotImplementedError


class RecordDeeds:
    """What is written to the job's row."""

    @activity.defn(name="record_progress")
    async def record_progress(self, report: ProgressReport) -> bool | None:
        """Write the progress, unless the job has ended in the record.

        Returns:
            False when it has; else nothing.
        """
        raise NotImplementedError

    @activity.defn(name="record_finished")
    async def record_finished(self, ending: Ending) -> Standing:
        """Compare-and-set the terminal status and return the one that stands."""
        raise NotImplementedError


class ApprovalDeeds:
    """What is written about approvals."""

    @activity.defn(name="record_approval")
    async def record_approval(self, request: ApprovalRequest) -> ApprovalStanding:
        """Write an approval down as open; one that stands already is returned as it stands."""
        raise NotImplementedError

    @activity.defn(name="record_reminder")
    async def record_reminder(self, reminder: ApprovalReminder) -> None:
        """Tell that an approval is still open, unless it is not."""
        raise NotImplementedError

    @activity.defn(name="record_decision")
    async def record_decision(self, wanted: ApprovalSettlement) -> Settlement:
        """Compare-and-set how an approval ended and return how it did."""
        raise NotImplementedError


class ChildDeeds:
    """What is done to the rows of jobs that a job runs."""

    @activity.defn(name="open_child")
    async def open_child(self, opening: ChildOpening) -> OpenedChild | None:
        """Open the row of a child; opening it again changes nothing.

        Returns:
            None when the parent has ended or its cancel was requested: then there is no row.
        """
        raise NotImplementedError

    @activity.defn(name="child_outcome")
    async def child_outcome(self, job: JobRef) -> ChildOutcome:
        """Return how a child ended; one whose workflow is gone or never began is ended first."""
        raise NotImplementedError


class DocumentDeeds:
    """What is done with documents."""

    @activity.defn(name="extract_document")
    async def extract_document(self, request: ExtractRequest) -> ExtractedDocument:
        """Turn a stored document into text chunks."""
        raise NotImplementedError

    @activity.defn(name="attach_document")
    async def attach_document(self, request: AttachRequest) -> DocumentPart:
        """Make sure that a document can be given to the model as the original file."""
        raise NotImplementedError


class RowDeeds:
    """What is done with documents that are tables."""

    @activity.defn(name="read_rows")
    async def read_rows(self, request: RowsRequest) -> Rows:
        """Read a CSV or JSON document as rows."""
        raise NotImplementedError


class LibraryDeeds:
    """What is known of a tenant's documents, and who has one in hand."""

    @activity.defn(name="begin_document")
    async def begin_document(self, reading: DocumentOfJob) -> None:
        """Show that a job processes a document, unless another one has it in hand."""
        raise NotImplementedError

    @activity.defn(name="claim_documents")
    async def claim_documents(self, request: ClaimRequest) -> Claimed:
        """Keep documents for a job; asked again, it returns the same ones."""
        raise NotImplementedError

    @activity.defn(name="recent_documents")
    async def recent_documents(self, request: RecentRequest) -> RecentDocuments:
        """List the documents that were uploaded lately."""
        raise NotImplementedError


class ControlDeeds:
    """What a workflow asks of Temporal itself."""

    @activity.defn(name="cancel_own_workflow")
    async def cancel_own_workflow(self, reason: str) -> None:
        """Ask Temporal to cancel the workflow that called."""
        raise NotImplementedError


class DeliveryDeeds:
    """How others are told."""

    @activity.defn(name="attempt_callback")
    async def attempt_callback(self, request: AttemptRequest) -> Verdict:
        """Send a callback once and write down how it went, unless there is nothing to do."""
        raise NotImplementedError


class NotificationDeeds:
    """How people are told."""

    @activity.defn(name="attempt_notification")
    async def attempt_notification(self, request: AttemptRequest) -> Verdict:
        """Send a notification once and write down how it went, unless there is nothing to do."""
        raise NotImplementedError


class ScheduleDeeds:
    """What a run of a schedule needs."""

    @activity.defn(name="open_scheduled")
    async def open_scheduled(self, run: ScheduledRun) -> Opened:
        """Insert the run's job unless it is there; one that cannot be started is ended at once."""
        raise NotImplementedError


class MaintenanceDeeds:
    """What keeps Temporal and Postgres in agreement."""

    @activity.defn(name="sweep")
    async def sweep(self) -> None:
        """Repair what fell between Temporal and Postgres, pass after pass, for some minutes."""
        raise NotImplementedError
