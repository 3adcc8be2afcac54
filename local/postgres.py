"""A Postgres of our own: created on first use, supervised as a child, gone with its parent.

It listens on 127.0.0.1 with a generated password (SCRAM) rather than on a Unix socket: the gateway
may run as another user, socket paths end at 107 bytes, and every client takes the URL as it is.
"""

import shutil
from datetime import timedelta
from pathlib import Path

import asyncpg

from local.accounts import unprivileged_account
from local.ports import free_port
from local.postgres_binaries import find_postgres, runnable_by
from local.postgres_cluster import USER, Cluster, throwaway_directory
from local.postgres_leftovers import destroy, evict, marker_of
from local.processes import Account
from local.servers import DirectoryLock, Server

_GRACE = timedelta(seconds=15)
_CONNECT_SECONDS = 5.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    "log_checkpoints": "off",
}
# For tests. Commits stay synchronous: without fsync they cost nothing, and kill() loses no row.
_WITHOUT_FSYNC = {"fsync": "off", "full_page_writes": "off"}


class Postgres(Server):
    """A Postgres server whose cluster, password and log live in one directory.

    Committed rows survive `kill` and `restart`. A server left behind by a killed parent is stopped
    first; one that a live parent holds is not: then `start` raises `DirectoryInUse`. As root the
    server runs as the owner of its data, or `nobody`; if that user cannot reach the directory, the
    cluster is placed under /var/lib/backburner and `data` is a symbolic link to it.

    Args:
        directory: Where everything lives; None makes a throwaway that `close` removes; it is
            not started again after that.
        port: None chooses a free one and keeps it over restarts.
        fsync: False is quick and survives kills, but not a power cut: for tests.
        binaries: Directory of the Postgres programs; None finds them.
    """

    def __init__(
        self,
        directory: Path | None,
        *,
        port: int | None = None,
        fsync: bool = True,
        binaries: Path | None = None,
    ) -> None:
        self.port = port or free_port()
        self._throwaway = directory is None
        self._directory = directory.resolve() if directory is not None else throwaway_directory()
        self._fsync = fsync
        self._binaries = binaries
        self._cluster = Cluster(self._directory, fsync=fsync)
        self._lock = DirectoryLock(self._directory / "postgres.lock")

    @property
    def data_directory(self) -> Path:
        """Where the cluster is, links resolved."""
        return self._cluster.data

    @property
    def log_file(self) -> Path:
        """What the server has said."""
        return self._cluster.log_file

    def dsn(self, database: str = "backburner") -> str:
        """Return the URL of a database, password included."""
        password = self._cluster.password_file.read_text()
        # Without sslmode=disable clients first ask for TLS, which costs a round trip.
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    async def start(self) -> None:
        """Start, creating the cluster and the database `backburner` where there are none.

        Raises:
            PostgresMissing: When this machine has no Postgres.
            PostgresVersionMismatch: When the data needs another Postgres.
            DirectoryInUse: When another live process serves the directory.
            ProcessExited: When Postgres refuses to start; carries the end of its log.
        """
        if self.running:
            raise RuntimeError("Postgres is running already")
        self._lock.acquire()
        account = unprivileged_account(self.data_directory)
        binaries = runnable_by(account, self._binaries or find_postgres())
        if self.data_directory.exists():
            self._cluster.check(account, binaries)
            await evict(self.data_directory, grace=_GRACE)
        else:
            await self._cluster.create(account, binaries)
        await self._serve(account, binaries)

    async def stop(self) -> None:
        """Disconnect the clients and shut down; does nothing when it is not running."""
        if self._process is not None:
            await self._process.terminate(_GRACE)

    async def kill(self) -> None:
        """End the server and all its backends with SIGKILL."""
        if self._process is not None:
            await self._process.kill()
            await destroy(self.data_directory)

    async def create_database(self, name: str, *, template: str | None = None) -> bool:
        """Create a database unless it exists; return whether it was created.

        A template must have no connections. Cloning one is how each test gets its own database.
        """
        if await self._execute("SELECT 1 FROM pg_database WHERE datname = $1", name):
            return False
        source = f" TEMPLATE {_quoted(template)}" if template is not None else ""
        await self._execute(f"CREATE DATABASE {_quoted(name)}{source}")
        return True

    async def drop_database(self, name: str) -> None:
        """Drop a database, disconnecting whoever uses it; does nothing when there is none."""
        await self._execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def _release(self) -> None:
        self._lock.release()
        if self._throwaway:
            shutil.rmtree(self._directory, ignore_errors=True)

    async def _serve(self, account: Account | None, binaries: Path) -> None:
        settings = _SETTINGS | ({} if self._fsync else _WITHOUT_FSYNC)
        settings |= {"port": str(self.port), "cluster_name": marker_of(self.data_directory)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [binaries / "postgres", "-D", self.data_directory, *options]
        self._process = self._cluster.child(command, account)
        await self._process.start()
        try:
            await self._process.wait_ready(self._answers)
            await self.create_database("backburner")
        except BaseException:
            await self._process.terminate()
            raise

    async def _answers(self) -> bool:
        try:
            await self._execute("SELECT 1")
        except (OSError, asyncpg.CannotConnectNowError):  # not listening, or still recovering
            return False
        return True

    async def _execute(self, statement: str, *values: str) -> object:
        connection = await asyncpg.connect(self.dsn("postgres"), timeout=_CONNECT_SECONDS)
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
