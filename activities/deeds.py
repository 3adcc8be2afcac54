"""All deeds of a worker process, and which task queue serves each one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from activities.approvals import Approvals
from activities.children import Children
from activities.control import Control
from activities.delivering.callbacks import Callbacks
from activities.documents import Documents
from activities.library import Library
from activities.maintenance import Maintenance
from activities.notifying.notifications import Notifications
from activities.records import Records
from activities.responses import Responses
from activities.rows import Tables
from activities.scheduling import Scheduling
from activities.watcher import Watcher

Activities = list[Callable[..., Awaitable[Any]]]


@dataclass(frozen=True)
class Deeds:
    """Everything the queues need, built once per process."""

    responses: Responses
    records: Records
    approvals: Approvals
    children: Children
    control: Control
    documents: Documents
    tables: Tables
    library: Library
    maintenance: Maintenance
    callbacks: Callbacks
    notifications: Notifications
    scheduling: Scheduling
    watcher: Watcher

    def of_main(self) -> Activities:
        """Return what the queue serves on which every job begins.

        What is urgent, too: records are written here first, as local activities, and workers of
        older versions had no other queue for it.
        """
        return [
            self.responses.respond,
            self.documents.attach_document,
            *self.of_urgent(),
        ]

    def of_urgent(self) -> Activities:
        """Return what the queue serves that must not wait until a response has ended."""
        return [
            self.responses.adopt_response,
            self.responses.cancel_responses,
            self.records.record_progress,
            self.records.record_finished,
            self.library.begin_document,
            self.library.claim_documents,
            self.library.recent_documents,
            self.approvals.record_approval,
            self.approvals.record_reminder,
            self.approvals.record_decision,
            self.children.open_child,
            self.children.child_outcome,
            self.control.cancel_own_workflow,
            self.maintenance.sweep,
            self.scheduling.open_scheduled,
        ]

    def of_openai(self) -> Activities:
        """Return what the queue serves whose rate is the provider's."""
        return [self.responses.submit_response]

    def of_cpu(self) -> Activities:
        """Return what the queue serves that needs processors."""
        return [self.documents.extract_document, self.tables.read_rows]

    def of_callbacks(self) -> Activities:
        """Return what the queue serves that waits for receivers."""
        return [self.callbacks.attempt_callback, self.notifications.attempt_notification]
