"""The connection pool, and what every statement shares: JSON, timeouts, one name for an outage."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeAlias

import asyncpg
from pydantic_core import from_json, to_json

from jobs.errors import ServiceUnavailable

CONNECT_TIMEOUT = timedelta(seconds=5)
"""How long opening a connection, or waiting for a free one, may take."""

STATEMENT_TIMEOUT = timedelta(seconds=10)
"""How long a statement may take; a silent server must not hold a deed for ever."""

UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, starting up, or the statement was canceled
    asyncpg.InsufficientResourcesError,  # no disk, no memory, no connection left
    asyncpg.PostgresSystemError,  # its disk fails
    asyncpg.TransactionRollbackError,  # a deadlock, or a serialization failure
    asyncpg.ReadOnlySQLTransactionError,  # a replica that has not been promoted yet
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke in the middle of an answer
    ConnectionError,
    OSError,
    asyncio.TimeoutError,
)
"""What a Postgres raises that is away or in trouble; the same statement may work later."""

CANNOT_OPEN = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What `connect` and `migrate` raise when Postgres is away, or refuses the URL or the login."""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[Any]"


class Database:
    """A pool of connections. Every statement is a transaction of its own.

    All methods raise `ServiceUnavailable` when Postgres does not answer.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """Run a query and return its rows."""
        async with self._connection() as connection:
            return await connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """Run a query and return its first row, None when there is none."""
        async with self._connection() as connection:
            return await connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: object) -> Any:
        """Run a query and return the first value of its first row, None when there is none."""
        async with self._connection() as connection:
            return await connection.fetchval(query, *args)

    async def execute(self, query: str, *args: object) -> None:
        """Run a statement."""
        async with self._connection() as connection:
            await connection.execute(query, *args)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT.total_seconds()) as connection:
                yield connection
        except UNAVAILABLE as error:
            reason = str(error) or type(error).__name__
            raise ServiceUnavailable(f"Postgres does not answer: {reason}") from error


async def prepare_connection(connection: Connection) -> None:
    """Teach a connection to carry JSON as Python values."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name,
            schema="pg_catalog",
            encoder=lambda value: to_json(value).decode(),
            decoder=from_json,
        )


async def _keep(connection: Connection) -> None:
    """Spare the round trip of asyncpg's reset: no statement of ours leaves anything in a session.

    asyncpg itself still rolls back a transaction that was left open.
    """


@asynccontextmanager
async def connect(url: str, *, pool_size: int) -> AsyncIterator[Database]:
    """Open a pool and close it in the end.

    Raises:
        OSError: Postgres cannot be reached.
        asyncpg.PostgresError: Postgres refuses the login.
    """
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=pool_size,
        timeout=CONNECT_TIMEOUT.total_seconds(),
        command_timeout=STATEMENT_TIMEOUT.total_seconds(),
        init=prepare_connection,
        reset=_keep,
    )
    try:
        yield Database(pool)
    finally:
        # A silent server must not hold a process that was told to stop.
        try:
            await asyncio.wait_for(pool.close(), CONNECT_TIMEOUT.total_seconds())
        except UNAVAILABLE:
            pool.terminate()
