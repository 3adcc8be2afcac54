"""Bring a database to the schema this code expects."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import asyncpg

from storage.database import Connection

FOLDER = Path(__file__).parent / "migrations"
FILE_NAME = re.compile(r"(\d{14})_\w+\.sql")

LOCK = 0x6261636B
"""Advisory lock key: only one process migrates at a time ("back" in ASCII)."""

LOCK_TIMEOUT = "30s"
"""How long a migration waits for a table in use before it gives up and can be run again."""

BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version TEXT PRIMARY KEY,
    checksum TEXT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
)"""


class MigrationRefused(RuntimeError):
    """The database does not fit this code, and going on would harm it."""


@dataclass(frozen=True)
class Migration:
    """One numbered file of SQL."""

    version: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file; an applied file must never be edited."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@cache
def known_migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """Read the numbered files in order; a strange name and a number used twice are refused."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationRefused(f"{path.name!r} is not named YYYYMMDDHHMMSS_words.sql")
        if found and found[-1].version == match[1]:
            raise MigrationRefused(f"the number of {path.name!r} is used twice")
        found.append(Migration(match[1], path.read_text(encoding="utf-8")))
    return tuple(found)


async def migrate(url: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing, each file in its own transaction; return the versions applied.

    Any number of processes may call this at once.

    Raises:
        MigrationRefused: The database is newer than this code, or an applied file was edited.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await connection.execute(BOOKKEEPING)
        missing = _missing(await _applied(connection), known_migrations(folder))
        for migration in missing:
            await _apply(connection, migration)
        return [migration.version for migration in missing]
    finally:
        await connection.close()


async def _applied(connection: Connection) -> dict[str, str]:
    rows = await connection.fetch("SELECT version, checksum FROM schema_migrations")
    return {row["version"]: row["checksum"] for row in rows}


def _missing(applied: dict[str, str], known: tuple[Migration, ...]) -> list[Migration]:
    by_version = {migration.version: migration for migration in known}
    for version, checksum in applied.items():
        if version not in by_version:
            raise MigrationRefused(f"the database has migration {version}, newer than this code")
        if by_version[version].checksum != checksum:
            raise MigrationRefused(f"migration {version} was edited after it was applied")
    return [migration for migration in known if migration.version not in applied]


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (version, checksum) VALUES ($1, $2)",
            migration.version,
            migration.checksum,
        )
