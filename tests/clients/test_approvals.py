import json

import pytest
from typer.testing import CliRunner

from backburner import ApiError, ApprovalState
from backburner.cli.app import app
from tests.clients.fake_gateway import busy, lost


@pytest.fixture
def run(gateway, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("BACKBURNER_URL", gateway.url)
    monkeypatch.delenv("BACKBURNER_TOKEN", raising=False)

    def run(*arguments, **more):
        return CliRunner().invoke(app, ["approvals", *map(str, arguments)], **more)

    return run


@pytest.fixture
def job_id(gateway):
    return gateway.add_job()


async def test_all_pages_are_listed_and_filtered(client, gateway, job_id):
    for number in range(3):
        gateway.add_approval(job_id, f"/map/{number}")
    gateway.add_approval(gateway.add_job(), "other", state="rejected")
    found = [each async for each in client.approvals.list(page_size=2)]
    assert [each.key for each in found] == ["/map/0", "/map/1", "/map/2", "other"]
    rejected = client.approvals.list(state=ApprovalState.REJECTED)
    assert [each.key async for each in rejected] == ["other"]
    assert len([each async for each in client.approvals.list(job_id=job_id)]) == 3


@pytest.mark.parametrize("trouble", [busy, lost])
async def test_a_decision_is_repeated_after_trouble(client, gateway, job_id, trouble):
    gateway.add_approval(job_id, "/map/0")
    approval = await client.approvals.get(job_id, "/map/0")
    assert approval.shown == {"steps": ["dig"]}
    gateway.troubles = [trouble]
    edits = {"steps": ["rest"]}
    decided = await client.approvals.approve(approval, comment="Go.", edits=edits)
    assert (decided.state, decided.edits) == (ApprovalState.APPROVED, edits)
    body = {"key": "/map/0", "digest": approval.digest, "comment": "Go.", "edits": edits}
    assert gateway.signals == [("approve", body)]


async def test_what_was_only_listed_cannot_be_decided(client, gateway, job_id):
    gateway.add_approval(job_id)
    [listed] = [each async for each in client.approvals.list()]
    with pytest.raises(ValueError, match="get it to see"):
        await client.approvals.reject(listed)
    assert gateway.signals == []


async def test_an_approval_nobody_asked_for_is_an_error(client, job_id):
    with pytest.raises(ApiError) as caught:
        await client.approvals.get(job_id, "plan")
    assert caught.value.code == "approval_not_found"


def test_approving_shows_what_is_approved_and_asks(run, gateway, job_id):
    gateway.add_approval(job_id, shown={"steps": ["dig\u009b31m"]})
    refused = run("approve", job_id, input="n\n")
    assert refused.exit_code == 1
    assert gateway.signals == []
    for words in ("The plan", "key plan", '"dig\N{REPLACEMENT CHARACTER}31m"', "Approve? [y/N]"):
        assert words in refused.stderr

    done = run("approve", job_id, "--comment", "Go.", input="y\n")
    assert done.exit_code == 0, done.output
    assert '"state": "approved"' in done.stdout
    body = {"key": "plan", "digest": "digest-of-plan", "comment": "Go."}
    assert gateway.signals == [("approve", body)]


def test_edits_come_from_a_file_or_the_input(run, gateway, job_id, tmp_path):
    gateway.add_approval(job_id)
    file = tmp_path / "edits.json"
    file.write_text('{"steps": ["rest"]}')
    shown = run("approve", job_id, "--edits", file, input="y\n")
    assert shown.exit_code == 0, shown.output
    assert '"rest"' in shown.stderr
    assert "Approve with these edits?" in shown.stderr
    assert run("approve", job_id, "--edits", "-", "--yes", input="[1]").exit_code == 0
    assert [body["edits"] for _, body in gateway.signals] == [{"steps": ["rest"]}, [1]]


def test_rejecting_asks_unless_told_not_to(run, gateway, job_id):
    gateway.add_approval(job_id)
    assert run("reject", job_id, input="").exit_code == 1
    done = run("reject", job_id, "plan", "--yes", "-o", "table")
    assert done.exit_code == 0, done.output
    assert "rejected" in done.stdout
    assert len(gateway.signals) == 1


def test_the_only_open_approval_is_meant_when_no_key_is_given(run, gateway, job_id):
    gateway.add_approval(job_id, "old", state="approved")
    gateway.add_approval(job_id, "new")
    assert json.loads(run("show", job_id).stdout)["key"] == "new"
    gateway.add_approval(job_id, "newer")
    several = run("reject", job_id, "--yes")
    assert several.exit_code == 2
    assert "several" in several.stderr
    assert run("show", job_id, "newer").exit_code == 0
    nothing = run("show", gateway.add_job())
    assert nothing.exit_code == 2


@pytest.mark.parametrize(
    "more",
    [("--edits", "-"), ("--edits", "no/such/file"), ("--edits", "-", "--yes")],
    ids=" ".join,
)
def test_edits_that_cannot_be_read_decide_nothing(run, gateway, job_id, more):
    gateway.add_approval(job_id)
    assert run("approve", job_id, *more, input="null").exit_code == 2
    assert gateway.signals == []


def test_approvals_are_listed_in_a_table(run, gateway, job_id):
    gateway.add_approval(job_id, "first")
    gateway.add_approval(job_id, "second", state="withdrawn")
    out = run("list", "--limit", "1", "-o", "table").stdout
    assert job_id in out
    assert "first" in out
    assert "second" not in out
    assert len(json.loads(run("list", "--job", job_id).stdout)) == 2
