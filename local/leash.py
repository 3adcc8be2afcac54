"""Become another program, on a leash: drop privileges, die with the parent, then `exec`.

Run as a script between a parent and its child (see `local.processes`). It is a program of its own
and not a `preexec_fn`, because code run between fork and exec in a process full of threads may
deadlock; and it starts as the caller's user, so it works when the new user could not read Python.

    python -I -S leash.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM ARGUMENT…   (UID -1: keep)
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Drop to the user and group, ask for the death signal, and become the program."""
    parent, death_signal, uid, gid = map(int, sys.argv[1:5])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, since a change of user clears it. The signal comes when the *thread* that
        # started us ends, so servers are started from a thread that lives as long as they should.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before we asked
            sys.exit("the parent process is gone")
    os.execv(sys.argv[5], sys.argv[5:])  # noqa: S606 - becoming the given program is the point


if __name__ == "__main__":
    main()
