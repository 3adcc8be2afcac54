"""Keeps Temporal failures short, so that an operator can read them while a deed is being retried.

The server shows the last failure of a pending deed only up to 4 KiB; of a longer one it leaves
neither type nor message (`limit.mutableStateActivityFailureSize.error`). Python's own traces,
with absolute paths, lines of source and carets, reach that with a dozen frames.
"""

import traceback
from itertools import accumulate
from pathlib import Path
from types import TracebackType

from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import FailureError

from jobs.texts import shortened

LONGEST_MESSAGE = 1_000
"""Bytes of a message."""

LONGEST_TRACE = 1_000
"""Bytes of a trace; the innermost frames are kept, for it is there that the error arose."""

LONGEST_CAUSE = 250
"""Bytes of the message of a cause, most of which the message before it has told."""

LONGEST_TRACE_OF_CAUSE = 500
"""Bytes of the trace of a cause."""

MOST_CAUSES = 2
"""Causes behind a failure; what lies deeper is left to the logs. Words and traces have 3.5 kB then;
details, of which ours have a few bytes, are not cut."""

_ROOT = f"{Path(__file__).parents[1]}/"
_LIBRARIES = "site-packages/"
_TEMPORAL = "temporalio/"


class ShortFailures(DefaultFailureConverter):
    """Writes one line per frame, cuts long messages, and leaves out what lies far behind."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Fill in `failure`; it is called for each cause in turn."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, FailureError) and exception.failure:
            return  # it came from Temporal; only as a cause it is cut, where nobody looks for more
        if exception.__traceback__:
            failure.stack_trace = "\n".join(_frames(exception.__traceback__))
        _cut(failure, LONGEST_MESSAGE, LONGEST_TRACE)
        _cut_causes(failure)


def _frames(trace: TracebackType) -> list[str]:
    """Return the frames, the innermost last; those of Temporal's SDK are the same in each trace."""
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(trace)]
    lines = [f"{_short(code.co_filename)}:{line} in {code.co_qualname}" for code, line in frames]
    return [each for each in lines if not each.startswith(_TEMPORAL)]


def _short(path: str) -> str:
    """Return a path as it is below the program or below the libraries."""
    return path.rpartition(_LIBRARIES)[2].removeprefix(_ROOT)


def _cut_causes(failure: Failure) -> None:
    for _ in range(MOST_CAUSES):
        if not failure.HasField("cause"):
            return
        failure = failure.cause
        _cut(failure, LONGEST_CAUSE, LONGEST_TRACE_OF_CAUSE)
    failure.ClearField("cause")


def _cut(failure: Failure, message: int, trace: int) -> None:
    failure.message = shortened(failure.message, message)
    failure.stack_trace = _last_lines(failure.stack_trace, trace)


def _last_lines(text: str, longest: int) -> str:
    lines = text.splitlines()[::-1]
    sizes = accumulate(len(each.encode()) + 1 for each in lines)
    kept = [line for line, size in zip(lines, sizes, strict=True) if size <= longest]
    return "\n".join(kept[::-1])
