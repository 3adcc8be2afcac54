"""Timeouts, retry policies and places in the queue, each with a name and a reason."""

from datetime import timedelta

from temporalio.common import Priority, RetryPolicy

HEARTBEAT = timedelta(seconds=30)
"""How long a deed may be silent until another worker takes over. Deeds beat two or three times
as often."""

RARE_HEARTBEAT = timedelta(minutes=2)
"""The same for a wait that is known to be long: each beat costs the server as much as an event.
That its worker died is noticed sooner, see `activities/lease.py`."""

WATCHED = Priority(priority_key=1)
"""Of the rests of long waits: what is open at the provider is watched before more is submitted."""

UNSERVED = timedelta(seconds=10)
"""How long an urgent deed waits in one queue until it tries another."""

PERSISTENT = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
)
"""For deeds bounded by a deadline instead of by attempts: tries are counted in the ledger."""

ONCE = RetryPolicy(maximum_attempts=1)
"""For the local form of a record write: if it fails, the ordinary form takes over."""

LOCAL_RECORD = timedelta(seconds=2)
"""How long a record write may hold up its workflow's other messages."""

RECORD = timedelta(seconds=30)
"""One attempt of a record write as an ordinary activity; it is repeated until it works."""

CLEAN_UP = timedelta(minutes=10)
"""One attempt at canceling a job's open responses; a submit in flight is waited for."""

CONTROL = timedelta(seconds=10)
"""One attempt of a short request to Temporal itself."""

EXTRACTION = timedelta(minutes=5)
"""One attempt at a document, download and upload of its text included."""

ATTEMPT = timedelta(seconds=60)
"""One attempt at a delivery: at most 30 s of HTTP, and a few statements."""

SWEEP = timedelta(minutes=30)
"""One turn of maintenance; it ends by itself after five minutes, later when there is much to do."""

SHORTEST_CHILD = timedelta(seconds=1)
"""What a child gets that is opened when its parent has no time left: enough to say so."""

STARTS = 10
"""Children whose start is under way at once. Temporal writes each start into its parent's history.
Where many want to at once, most of them fail and are tried again after seconds: of 150 the median
waited 8 s and the last one 23 s; ten at a time they wait half a second and three."""

WIDTH = 20
"""Items of a gather in flight at once, unless the author says otherwise."""
