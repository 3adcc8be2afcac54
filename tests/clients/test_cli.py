import json

import pytest
from typer.testing import CliRunner

from backburner import ApiError, Backburner
from backburner.cli.app import app
from backburner.cli.submit import channel_of
from tests.clients.fake_gateway import busy, problem

FAILURE = {"code": "tries_exhausted", "message": "five tries", "advice": "Look at the ledger."}


@pytest.fixture
def run(gateway, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("BACKBURNER_URL", gateway.url)
    monkeypatch.delenv("BACKBURNER_TOKEN", raising=False)

    def run(*arguments, **more):
        return CliRunner().invoke(app, [str(each) for each in arguments], **more)

    return run


def test_submit_prints_the_job_as_json_when_nobody_watches(run, gateway):
    done = run("submit", "echo", '{"text": "hi"}', "--option", "max_tries=2", "--label", "team=a")
    assert done.exit_code == 0
    job_id = json.loads(done.stdout)["job_id"]
    assert gateway.jobs[job_id]["options"] == {"max_tries": 2}
    assert gateway.jobs[job_id]["labels"] == {"team": "a"}
    assert f"backburner watch {job_id}" in done.stderr


def test_submit_prints_only_the_id_for_a_script(run, gateway):
    done = run("submit", "echo", '{"text": "hi"}', "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.strip() in gateway.jobs


def test_a_quiet_submit_may_wait_too(run, gateway):
    gateway.finish_after = 1
    done = run("submit", "echo", '{"text": "hi"}', "--quiet", "--wait")
    assert (done.exit_code, [done.stdout.strip()]) == (0, list(gateway.jobs))


@pytest.mark.parametrize("way", ["@file", "-"])
def test_submit_reads_its_payload_from_elsewhere(run, gateway, tmp_path, way):
    text = '{"text": "hi"}'
    file = tmp_path / "payload.json"
    file.write_text(text)
    done = run("submit", "echo", f"@{file}" if way == "@file" else way, input=text)
    assert done.exit_code == 0
    assert len(gateway.jobs) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit", "echo", "no json"],
        ["submit", "echo", "[1]"],
        ["submit", "echo", "@no/such/file"],
        ["submit", "echo", "{}", "--label", "nothing"],
        ["submit", "echo", "{}", "--timeout", "3"],
        ["submit"],
        ["list", "--status", "asleep"],
        ["list", "--limit", "0"],
        ["--url", "nowhere", "list"],
        ["documents", "add", "no/such/file"],
        ["endpoints", "recover", "e", "--hours", "1e9"],
        ["schedules", "preview", "daily", "--cron", "@daily"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_asks_nobody(run, gateway, arguments):
    assert run(*arguments).exit_code == 2
    assert gateway.requests == []


def test_the_same_key_twice_gives_the_same_job(run):
    submit = ("submit", "echo", '{"text": "hi"}', "--idempotency-key", "k")
    first, second = (json.loads(run(*submit).stdout) for _ in range(2))
    assert first["job_id"] == second["job_id"]


def test_a_refused_request_is_one_clear_line_and_its_mistakes(run):
    done = run("submit", "echo", "{}")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "error: invalid_payload: the body has 1 mistake. Mend invalid_payload. (request req-7)",
        "  at /payload/text: Field required",
    ]


def test_nobody_at_the_address_says_how_to_start_somebody(run, nobody):
    done = run("--url", nobody, "list")
    assert done.exit_code == 1
    line = f"no gateway at {nobody}: start one with `backburner up` or set BACKBURNER_URL"
    assert line in done.stderr


def test_a_refused_token_exits_with_5(run, gateway):
    gateway.token = "sesame"
    assert run("list").exit_code == 5
    assert run("--token", "sesame", "list").exit_code == 0


def test_passing_trouble_is_not_mentioned(run, gateway):
    gateway.troubles = [busy]
    done = run("list")
    assert (done.exit_code, done.stderr) == (0, "")


def test_get_prints_a_table_on_request(run, gateway):
    cost = {"usd": "0.0123", "input_tokens": 10, "responses": 1, "unpriced_responses": 0}
    progress = {"stage": "count", "current": 1, "total": 4, "percent": 25}
    job_id = gateway.add_job(progress=progress, cost=cost, estimated_completion_seconds=90)
    done = run("get", job_id, "-o", "table")
    assert done.exit_code == 0
    for words in (job_id, "running", "count 1/4", "$0.0123", "about 1 min"):
        assert words in done.stdout


def test_getting_a_failed_job_is_no_failure(run, gateway):
    assert run("get", gateway.add_job("failed", error=FAILURE)).exit_code == 0


def test_words_from_outside_cannot_drive_the_terminal(run, gateway):
    job_id = gateway.add_job(type="\x1b[31mred[/red]", progress={"stage": "a\x07[bold]b"})
    out = run("get", job_id, "-o", "table").stdout
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "[bold]b" in out


def test_list_stops_at_its_limit(run, gateway):
    made = [gateway.add_job() for _ in range(4)]
    listed = json.loads(run("list", "--limit", "3").stdout)
    assert [job["job_id"] for job in listed] == made[:0:-1]


def test_list_filters_and_prints_a_table(run, gateway):
    other = gateway.add_job()
    wanted = gateway.add_job("succeeded", labels={"team": "a"})
    options = ("--status", "succeeded", "--label", "team=a", "-o", "table")
    out = run("list", *options).stdout
    assert wanted in out
    assert other not in out


@pytest.mark.parametrize(
    ("status", "code"), [("succeeded", 0), ("failed", 1), ("canceled", 3)], ids=str
)
def test_watch_exits_as_the_job_ended(run, gateway, status, code):
    job_id = gateway.add_job()
    gateway.add_event(job_id, "progress", stage="count", current=1, total=4)
    gateway.end(job_id, status, error=FAILURE if status == "failed" else None)
    done = run("watch", job_id)
    assert done.exit_code == code
    assert json.loads(done.stdout)["status"] == status
    assert "count 1/4" in done.stderr
    assert ("tries_exhausted" in done.stderr) == (status == "failed")


def test_watch_gives_up_when_its_time_is_up(run, gateway):
    done = run("watch", gateway.add_job(), "--timeout", "0.2")
    assert done.exit_code == 4
    assert "it goes on" in done.stderr


def test_submit_can_wait_for_the_end(run, gateway):
    gateway.finish_after = 1
    done = run("submit", "echo", '{"text": "hi"}', "--wait")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["result"] == {"echo": "hello"}


def test_result_prints_the_output(run, gateway):
    job_id = gateway.add_job("succeeded", result={"echo": "Größe"})
    done = run("result", job_id)
    assert json.loads(done.stdout) == {"echo": "Größe"}
    assert "Größe" in done.stdout


@pytest.mark.parametrize(
    ("status", "code"), [("running", 1), ("failed", 1), ("canceled", 3)], ids=str
)
def test_a_result_that_is_not_there_has_an_exit_code(run, gateway, status, code):
    done = run("result", gateway.add_job(status, error=FAILURE))
    assert (done.exit_code, done.stdout) == (code, "")


def test_cancel_passes_the_reason_on(run, gateway):
    job_id = gateway.add_job()
    assert run("cancel", job_id, "--reason", "no need").exit_code == 0
    assert gateway.events[job_id][-1]["data"] == {"reason": "no need"}


def test_uploaded_documents_are_printed_when_a_later_one_is_refused(
    run, gateway, tmp_path, monkeypatch
):
    upload = Backburner.upload_documents

    def refusing(client, files):
        if files[0].name == "b.txt":
            raise ApiError(422, {"code": "document_empty", "detail": "there are empty files"})
        return upload(client, files)

    monkeypatch.setattr(Backburner, "upload_documents", refusing)
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text("words")
    done = run("documents", "add", tmp_path)
    assert done.exit_code == 1
    assert [each["name"] for each in json.loads(done.stdout)] == ["a.txt"]
    assert "document_empty" in done.stderr


def test_a_file_that_is_not_there_is_no_broken_json(run):
    done = run("submit", "echo", "@/no/such/file")
    assert done.exit_code == 2
    assert "cannot be read" in done.stderr
    assert "not JSON" not in done.stderr


def test_documents_of_a_folder_are_uploaded_and_listed(run, gateway, tmp_path):
    for name in ("b.md", "a.txt", ".hidden"):
        (tmp_path / name).write_text(name)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "c.txt").write_text("c")
    done = run("documents", "add", tmp_path)
    assert [each["name"] for each in json.loads(done.stdout)] == ["a.txt", "b.md"]
    assert "uploading 2/2 b.md" in done.stderr
    assert "a.txt" in run("documents", "list", "-o", "table").stdout


def test_job_types_are_listed(run):
    assert "Say it again" in run("job-types", "-o", "table").stdout


def test_a_server_error_names_its_request(run, gateway):
    gateway.troubles = [lambda: problem(500, "internal_error")]
    done = run("job-types")
    assert done.exit_code == 1
    assert "internal_error" in done.stderr
    assert "req-7" in done.stderr


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("ops-mail", "ops-mail"),
        ("ops=failed,approval_needed", {"channel": "ops", "on": ["failed", "approval_needed"]}),
    ],
)
def test_a_channel_is_named_alone_or_with_its_occasions(text, use):
    assert channel_of(text) == use


@pytest.mark.parametrize("more", [["--cron", "@daily"], ["--label", "a=b"], ["--payload", "{}"]])
def test_what_a_schedules_file_says_is_not_said_twice(run, gateway, more):
    done = run("schedules", "create", "--file", "-", *more, input='{"job": {}, "when": {}}')
    assert (done.exit_code, gateway.requests) == (2, [])


def test_the_callbacks_of_a_job_are_filtered_like_all_others(run, gateway):
    job_id = gateway.add_job("failed")
    gateway.add_callback(job_id, "job.failed", "exhausted")
    gateway.add_callback(job_id, "job.failed", "delivered")
    gateway.add_callback(job_id, "job.approval_needed", "exhausted")

    def listed(*arguments):
        done = run("callbacks", "list", "--job", job_id, *arguments)
        return [(each["event"], each["status"]) for each in json.loads(done.stdout)]

    assert listed("--status", "delivered") == [("job.failed", "delivered")]
    assert listed("--event", "job.approval_needed") == [("job.approval_needed", "exhausted")]
    assert listed("--limit", "2") == [("job.failed", "exhausted"), ("job.failed", "delivered")]
