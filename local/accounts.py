"""Which user a local Postgres runs as, and what that user can reach.

Postgres refuses to run as root. When we are root we run it as the owner of its data, or else as
`nobody`. We never change the permissions of directories that are not ours, so data or programs
that this user cannot reach are placed under `SHARED` instead.
"""

import os
import pwd
import shutil
import stat
from pathlib import Path

from local.processes import Account

SHARED = Path("/var/lib/backburner")
"""Where root keeps what another user must reach: root's own, readable by all, never swept."""

_GROUP_SHIFT, _OWNER_SHIFT = 3, 6
_ENTER, _RUN = 0o1, 0o5


def unprivileged_account(data: Path) -> Account | None:
    """Return the user that must serve `data`; None when we are not root: then it is us."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def reaches(account: Account | None, path: Path) -> bool:
    """Say whether the account may enter a directory or run a file, judged by permission bits."""
    if account is None:
        return True
    resolved = path.resolve()
    wanted = _ENTER if resolved.is_dir() else _RUN
    return _permits(account, resolved, wanted) and all(
        _permits(account, parent, _ENTER) for parent in resolved.parents
    )


def give(account: Account | None, path: Path) -> None:
    """Make a file or directory that we just created the account's own."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def share_tree(source: Path, target: Path) -> None:
    """Copy a directory so that everybody can read it."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            runnable = path.is_dir() or mode & stat.S_IXUSR
            path.chmod(0o755 if runnable else 0o644)


def make_shared_directory() -> Path:
    """Create `SHARED`, open for reading to every user, writable by root alone."""
    SHARED.mkdir(parents=True, exist_ok=True)
    SHARED.chmod(0o755)  # whatever the umask
    return SHARED


def _permits(account: Account, path: Path, wanted: int) -> bool:
    found = path.stat()
    if found.st_uid == account.uid:
        bits = found.st_mode >> _OWNER_SHIFT
    elif found.st_gid == account.gid:
        bits = found.st_mode >> _GROUP_SHIFT
    else:
        bits = found.st_mode
    return bits & wanted == wanted
