"""The example bodies are ones that the gateway takes; the example table is one."""

import json
from pathlib import Path

import pytest

from activities.tables import rows_of
from api.bodies import JobRequest
from api.submission import validated
from jobs.registry import discover

EXAMPLES = Path(__file__).parents[2] / "examples"
PAYLOADS = sorted((EXAMPLES / "payloads").glob("*.json"))


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_a_payload_fits_the_job_type_it_is_named_after(path: Path) -> None:
    body = JobRequest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    assert body.type == path.stem
    validated(discover()[body.type].input, body.payload, "/payload")


def test_the_example_table_has_twelve_leads_with_an_address_each() -> None:
    path = EXAMPLES / "leads.csv"
    rows = list(rows_of(path.read_bytes(), path.name))
    assert len(rows) == len({row["email"] for row in rows}) == 12
    assert all(row.keys() == rows[0].keys() and all(row.values()) for row in rows)
