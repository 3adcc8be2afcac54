"""The directory of a local Postgres: its cluster, password and log, and how they come to be."""

import logging
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

from local.accounts import give, make_shared_directory, reaches, unprivileged_account
from local.postgres_binaries import major_version
from local.processes import Account, Process, ProcessExited, ServerTrouble

USER = "backburner"

_log = logging.getLogger(__name__)


class PostgresVersionMismatch(ServerTrouble):
    """The data directory was written by another major version of Postgres."""


class Cluster:
    """What a local Postgres keeps in one directory.

    The password lies beside the data, readable by us alone: a copy of the data does not carry it.
    """

    def __init__(self, directory: Path, *, fsync: bool) -> None:
        self.directory = directory
        self.password_file = directory / "password"
        self.log_file = directory / "postgres.log"
        self._fsync = fsync

    @property
    def data(self) -> Path:
        """Where the data is, links resolved."""
        return (self.directory / "data").resolve()

    def check(self, account: Account | None, binaries: Path) -> None:
        """Refuse data that these programs, run by this account, could not serve."""
        data = self.data
        owner, ours = data.stat().st_uid, account.uid if account else os.geteuid()
        if owner != ours:
            raise ServerTrouble(f"{str(data)!r} belongs to user id {owner}; run as that user")
        written, have = int((data / "PG_VERSION").read_text()), major_version(binaries)
        if written != have:
            raise PostgresVersionMismatch(
                f"{str(data)!r} was written by Postgres {written}, but {str(binaries)!r} is"
                f" Postgres {have}; set BACKBURNER_POSTGRES_BIN to a Postgres {written}, or move"
                " the directory away to start empty"
            )
        if not self.password_file.exists():
            raise ServerTrouble(
                f"{str(self.password_file)!r} is gone; put it back, or remove {str(data)!r} to"
                " start empty"
            )

    async def create(self, account: Account | None, binaries: Path) -> None:
        """Create in a directory aside and move it into place, so that no half cluster remains."""
        aside = self._make_directory_aside(account)
        self.password_file.unlink(missing_ok=True)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(secrets.token_hex(16))
        with tempfile.NamedTemporaryFile("w", dir=aside.parent, prefix="initdb-") as copy:
            copy.write(self.password_file.read_text())
            copy.flush()
            give(account, Path(copy.name))
            command = _initdb(binaries, aside, Path(copy.name), fsync=self._fsync)
            async with self.child(command, account) as initdb:
                if await initdb.wait() != 0:
                    raise ProcessExited(f"initdb failed:\n{initdb.log_tail()}")
        if aside.parent == self.directory:
            aside.rename(self.directory / "data")
        else:
            (self.directory / "data").symlink_to(aside)

    def child(self, command: Sequence[str | Path], account: Account | None) -> Process:
        """Describe a Postgres program that runs as the account and writes to our log."""
        return Process(
            command,
            log_file=self.log_file,
            # PGOPTIONS and the like are for clients, and the messages should be readable.
            environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            account=account,
            stop_signal=signal.SIGINT,  # "fast": clients are disconnected, the data is flushed
            working_directory=Path("/"),
        )

    def _make_directory_aside(self, account: Account | None) -> Path:
        (self.directory / "data").unlink(missing_ok=True)  # a link to what was removed
        if reaches(account, self.directory):
            aside = self.directory / "data.new"
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(mode=0o700)
        else:
            aside = Path(tempfile.mkdtemp(prefix="postgres-data-", dir=make_shared_directory()))
            message = "user id %s cannot reach %s: its Postgres data lives in %s"
            _log.warning(message, account and account.uid, self.directory, aside)
        give(account, aside)
        return aside


def throwaway_directory() -> Path:
    """Create a private directory that the account which runs Postgres can reach."""
    account = unprivileged_account(Path("/nonexistent"))
    places = (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp"))  # noqa: S108 - mkdtemp makes it private
    parent = next((place for place in places if reaches(account, place)), places[0])
    directory = Path(tempfile.mkdtemp(prefix="backburner-postgres-", dir=parent))
    if account is not None:
        directory.chmod(0o711)  # the account passes through; the password inside stays 0600
    return directory


def _initdb(binaries: Path, data: Path, password_file: Path, *, fsync: bool) -> list[str | Path]:
    return [
        *(binaries / "initdb", "-D", data, "--username", USER, "--pwfile", password_file),
        *("--auth=scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8", "--data-checksums"),
        *([] if fsync else ["--no-sync"]),
    ]
