"""Lost replies: noted in the ledger, and counted by what became of them."""

from typing import Literal, get_args

from jobs.errors import SubmitUncertain
from storage import responses
from storage.database import Database
from storage.responses import State, Submit
from telemetry import instruments

Fate = Literal["uncertain", "resubmitted", "parked", "adopted", "wasted", "released"]


def show_zeroes() -> None:
    """Show every count from the start: Prometheus sees no increase in what just appears."""
    for fate in get_args(Fate):
        instruments.AMBIGUOUS.add(0, {"outcome": fate})


async def note_lost(
    db: Database, submit: Submit, why: str, retry_after_seconds: float | None = None
) -> None:
    """Note that the reply to a submit is lost, unless its id became known meanwhile.

    `retry_after_seconds` are those until the step is submitted again; None when it is not.
    """
    code = SubmitUncertain.code
    if await responses.mark_uncertain(db, submit, code, why, retry_after_seconds):
        _count("uncertain")


def count_fate(submit: Submit, fate: Fate) -> None:
    """Count what became of a submit; of one whose reply was not lost, nothing."""
    if submit.state is State.UNCERTAIN:
        _count(fate)


def _count(fate: Fate) -> None:
    instruments.AMBIGUOUS.add(1, {"outcome": fate})
