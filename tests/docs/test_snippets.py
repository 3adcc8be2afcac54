"""What the pages show works: commands, code, queries, requests."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from pydantic import TypeAdapter

from api.bodies import CancelBody, JobRequest
from api.problems import Problem
from api.schedule_bodies import ScheduleRequest
from api.views import EventView, JobAccepted
from jobs import registry
from jobs.approvals import Approve
from jobs.registry import ENTRY_POINT_GROUP
from local.stack import Stack
from tests.docs.conftest import PACKAGE, declared_on_the_page, install, moved
from tests.docs.pages import ROOT, RUN, Block, blocks, commands, every
from tests.docs.terminal import missing, typed
from tests.installation import Installation

JSON: TypeAdapter[Any] = TypeAdapter(
    JobRequest | Problem | JobAccepted | EventView | CancelBody | Approve | ScheduleRequest
)
PROOFS = [block for block in every("python") if block.place.startswith("tests/")]
SCRIPTS = [block for block in every("python") if "/" not in block.place]


def name_of(value: Any) -> str:
    page = value.page if isinstance(value, Block) else value
    return page.relative_to(ROOT).as_posix() if isinstance(page, Path) else str(value)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", [page for page in RUN if commands(page)], ids=name_of)
async def test_the_commands_of_a_page_do_what_it_shows(
    page: Path, stack: Stack, reader: dict[str, str]
):
    shells = commands(page)
    texts = [moved(command, stack) for command, _ in shells]
    seen = await asyncio.to_thread(typed, texts, reader, ROOT)
    for (command, shown), actual in zip(shells, seen, strict=True):
        line = missing(moved(shown, stack), actual)
        assert line is None, f"{command}\nnot shown: {line}\nbut:\n{actual}"


@pytest.mark.parametrize("block", SCRIPTS, ids=name_of)
async def test_a_script_runs(block: Block, stack: Stack, reader: dict[str, str], tmp_path: Path):
    script = tmp_path / (block.place or "script.py")
    script.write_text(block.text, encoding="utf-8")
    program = await asyncio.create_subprocess_exec(
        sys.executable, script, env=reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, trouble = await program.communicate()
    assert program.returncode == 0, trouble.decode()
    assert out.strip()


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job type of the testing section, installed for this test only."""
    monkeypatch.setattr(registry, "_TYPES", dict(registry._TYPES))
    monkeypatch.syspath_prepend(install(tmp_path / "plugins", only="answer_question"))
    for module in (PACKAGE, f"{PACKAGE}.answer_question"):
        monkeypatch.setitem(sys.modules, module, None)  # remembered as absent, to be forgotten
        monkeypatch.delitem(sys.modules, module)


def proofs_in(block: Block) -> dict[str, Any]:
    place: dict[str, Any] = {}
    exec(compile(block.text, block.place, "exec"), place)  # noqa: S102 # our own page
    return {name: each for name, each in place.items() if name.startswith("test_")}


@pytest.mark.parametrize(
    ("block", "name"), [(block, name) for block in PROOFS for name in proofs_in(block)], ids=name_of
)
async def test_a_test_on_a_page_passes(plugged: None, house: Installation, block: Block, name: str):
    await proofs_in(block)[name](house)


def test_the_package_on_the_page_names_modules_that_the_page_shows():
    assert ENTRY_POINT_GROUP == "backburner.jobs"
    shown = {f"{PACKAGE}.{Path(each.place).stem}" for each in every("python")}
    assert set(declared_on_the_page().values()) <= shown


@pytest.mark.parametrize("block", every("sql"), ids=name_of)
async def test_a_query_fits_the_schema_and_only_reads(block: Block, database_url: str):
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(readonly=True):
            await connection.fetch(block.text)
    finally:
        await connection.close()


@pytest.mark.parametrize("block", every("json"), ids=name_of)
async def test_a_json_body_is_one_that_the_gateway_takes_or_gives(block: Block, stack: Stack):
    body = json.loads(block.text)
    JSON.validate_python(body)
    if "payload" in body:
        async with httpx2.AsyncClient(base_url=stack.addresses.gateway) as client:
            reply = await client.post("/api/jobs", json=body)
        assert reply.status_code == 202, reply.text
    if "when" in body:
        async with httpx2.AsyncClient(base_url=stack.addresses.gateway) as client:
            reply = await client.post("/api/schedules", json=body)
            assert reply.status_code == 201, reply.text
            await client.delete(reply.headers["Location"])


def test_every_shell_block_is_run_or_says_why_not():
    kinds = {block.kind for page in RUN for block in blocks(page)}
    assert kinds <= {"", "sh", "text", "python", "json", "toml", "sql", "ini", "mermaid"}
    excused = [block for block in every("sh") if block.excuse is not None]
    assert len(excused) < len(every("sh")) / 2
