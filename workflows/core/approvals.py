"""Asking people: shown, waited for, reminded of, decided once.

The record arbitrates. The gateway writes a decision there before it signals; a signal from
elsewhere, or the deadline, is written here if nothing stands yet. And a workflow task that is run
again, because its worker died, may find the signals and timers of its history in another order than
the first run did. What was written first stands, and the workflow goes on with that.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from jobs.approvals import (
    LARGEST_BYTES,
    MOST_REMINDERS,
    Answer,
    ApprovalAsk,
    ApprovalReminder,
    ApprovalRequest,
    ApprovalSettlement,
    ApprovalStanding,
    ApprovalState,
    Decision,
    Settlement,
    json_bytes,
)
from jobs.errors import ApprovalEditsUnfit, ApprovalMalformed, ApprovalTimedOut, JobCanceled
from jobs.ports import ApprovalDeeds
from jobs.texts import ESCAPED_NUL
from workflows.core import storable
from workflows.core.records import write

if TYPE_CHECKING:
    from workflows.core.job import Job

MOST_EARLY = 100
"""Answers kept for approvals that were not asked for yet."""

LONGEST_COMMENT = 4_000
WITHDRAWN = Settlement(state=ApprovalState.WITHDRAWN)
BY_DEFAULT = {
    None: Settlement(state=ApprovalState.EXPIRED),
    "approve": Settlement(state=ApprovalState.APPROVED, is_default=True),
    "reject": Settlement(state=ApprovalState.REJECTED, is_default=True),
}
"""What is recorded when nobody answers."""


@dataclass
class _Open:
    """An approval that is waited for, and its first acceptable answer."""

    ask: ApprovalAsk
    digest: str
    edits: type[BaseModel] | None
    answer: Settlement | None = None

    def take(self, approved: bool, answer: Answer) -> None:
        """Take an answer if it is the first one and can be meant."""
        flaw = self._flaw(approved, answer)
        if self.answer is not None or flaw is not None:
            workflow.logger.warning("dropped an answer to an approval: %s", flaw or "a second one")
            return
        self.answer = Settlement(
            state=ApprovalState.APPROVED if approved else ApprovalState.REJECTED,
            comment=_words(answer.comment),
            edits=answer.edits,
            decided_by=_words(answer.decided_by),
            answer_id=_words(answer.answer_id),
        )

    def _flaw(self, approved: bool, answer: Answer) -> str | None:
        """Say what is wrong with an answer; whoever signals past the gateway is checked here."""
        if answer.key not in (None, self.ask.key):
            return "another key"
        if answer.edits is None:
            return None
        if not (approved and self.ask.editable):
            return "edits where none are wanted"
        try:
            _check_json(answer.edits)
        except ValueError as error:
            return f"edits: {error}"
        # What the gateway let pass stands in the record already: it cannot be dropped here.
        return None if answer.answer_id else self.misfit(answer.edits)

    def misfit(self, edits: Any) -> str | None:
        """Say why edits do not fit the model of the job type."""
        if self.edits is None or edits is None:
            return None
        try:
            self.edits.model_validate(edits)
        except ValidationError as error:
            return f"edits: {error}"
        return None


class Approvals:
    """The approvals of one job."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._asked: dict[str, str] = {}
        self._early: dict[str, tuple[bool, Answer]] = {}
        self._withdrawals: list[asyncio.Task[Any]] = []

    async def ask(
        self, job: "Job[Any, Any]", ask: ApprovalAsk, edits: type[BaseModel] | None
    ) -> Decision:
        """Show something to people and return what was decided about it.

        Raises:
            ApprovalMalformed: It cannot be shown, or its key was asked for before.
            ApprovalTimedOut: Nobody answered, and there is no default.
            ApprovalEditsUnfit: The edits fit the schema only.
            JobCanceled: The record knows the job as ended.
        """
        mine = self._opened(ask, edits)
        try:
            stood = await self._settled(job, mine)
        except (asyncio.CancelledError, FailureError) as error:
            if is_cancelled_exception(error) and workflow.cancellation_reason() is None:
                # Cut off by a sibling's failure. A canceled job's end withdraws what is open.
                self._withdrawals.append(asyncio.create_task(_write_end(job, mine, WITHDRAWN)))
            raise
        finally:
            del self._open[mine.ask.key]
        if stood.state is ApprovalState.EXPIRED:
            raise ApprovalTimedOut(f"nobody decided about {ask.title!r} in time")
        if stood.state is ApprovalState.WITHDRAWN:
            raise JobCanceled("the job has ended in the record")
        if flaw := mine.misfit(stood.edits):
            raise ApprovalEditsUnfit(f"{ask.title!r} was approved with {flaw}")
        return stood.decision

    def answer(self, approved: bool, answer: Answer | None) -> None:
        """Take an answer from outside; one that belongs to nothing is dropped.

        One that comes early is kept: the approval may stand in the record, and be decided by
        somebody, while the workflow task that asked for it was lost and is run again.
        """
        if answer is None:
            workflow.logger.warning("dropped an answer to an approval: it says nothing")
        elif found := next((o for o in self._open.values() if o.digest == answer.digest), None):
            found.take(approved, answer)
        elif answer.digest not in self._asked.values() and len(self._early) < MOST_EARLY:
            self._early.setdefault(answer.digest, (approved, answer))

    async def withdrawn(self) -> None:
        """Wait until the record knows of approvals that are waited for no more."""
        for task in self._withdrawals:
            await task

    def _opened(self, ask: ApprovalAsk, edits: type[BaseModel] | None) -> _Open:
        if ask.key in self._asked:
            raise ApprovalMalformed(f"approval {ask.key!r} was asked for before: vary the key")
        if edits is not None:
            schema = edits.model_json_schema()
            ask = ask.model_copy(update={"editable": True, "edits_schema": schema})
        ask = ask.model_copy(update={"title": storable.words(ask.title)})
        try:
            _check_json([ask.key, ask.shown])
        except ValueError as flaw:
            raise ApprovalMalformed(f"approval {ask.key!r}: {flaw}") from None
        mine = _Open(ask, ask.digest, edits)
        if early := self._early.pop(mine.digest, None):
            mine.take(*early)
        self._open[ask.key], self._asked[ask.key] = mine, mine.digest
        return mine

    async def _settled(self, job: "Job[Any, Any]", mine: _Open) -> Settlement:
        """Ask, wait, and have it recorded; return what stands in the record."""
        left = job.remaining()
        # The job's own deadline may come first; then no default can count.
        own = mine.ask.timeout if mine.ask.timeout and mine.ask.timeout < left else None
        default = mine.ask.default if own else None
        standing = await _write_request(job, mine, default, own or left)
        if standing.settlement is not None:
            return standing.settlement
        reminding = asyncio.create_task(_remind(job, mine.ask))
        try:
            came = await job.wait_until(
                lambda: mine.answer is not None,
                waiting_for=f"approval: {mine.ask.title}",
                timeout=own and standing.deadline - workflow.now(),
            )
        finally:
            reminding.cancel()
        if not came and mine.answer is None:
            mine.answer = BY_DEFAULT[default]
        return await _write_end(job, mine, mine.answer or WITHDRAWN)


async def _write_request(
    job: "Job[Any, Any]", mine: _Open, default: Any, left: timedelta
) -> ApprovalStanding:
    ask = mine.ask
    request = ApprovalRequest(
        job=job.ticket.job,
        key=ask.key,
        title=ask.title,
        shown=ask.shown,
        digest=mine.digest,
        editable=ask.editable,
        edits_schema=ask.edits_schema,
        default=default,
        deadline=workflow.now() + left,
    )
    standing: ApprovalStanding = await write(
        ApprovalDeeds.record_approval, request, f"Ask for approval: {ask.title}"
    )
    return standing


async def _write_end(job: "Job[Any, Any]", mine: _Open, wanted: Settlement) -> Settlement:
    settlement = ApprovalSettlement(
        job=job.ticket.job, key=mine.ask.key, digest=mine.digest, settlement=wanted
    )
    stood: Settlement = await write(
        ApprovalDeeds.record_decision, settlement, f"{wanted.state}: {mine.ask.title}"
    )
    return stood


async def _remind(job: "Job[Any, Any]", ask: ApprovalAsk) -> None:
    if ask.remind_after is None:
        return
    for number in range(1, MOST_REMINDERS + 1):
        await workflow.sleep(ask.remind_after, summary=f"Remind of: {ask.title}")
        reminder = ApprovalReminder(job=job.ticket.job, key=ask.key, number=number)
        try:
            await write(ApprovalDeeds.record_reminder, reminder, f"Remind of: {ask.title}")
        except FailureError:
            return  # decided meanwhile, or the record knows neither the job nor the approval


def _words(text: str | None) -> str | None:
    return None if text is None else storable.words(text)[:LONGEST_COMMENT]


def _check_json(value: Any) -> None:
    """Make sure that the record can hold a value.

    Raises:
        ValueError: It cannot, and why.
    """
    size = json_bytes(value)
    if size > LARGEST_BYTES:
        raise ValueError(f"{size:,} bytes of JSON are more than {LARGEST_BYTES:,}")
    if ESCAPED_NUL.search(json.dumps(value)):
        raise ValueError("a NUL character cannot be kept")
