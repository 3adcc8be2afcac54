from datetime import timedelta

import pytest

from backburner import (
    ApiError,
    AsyncBackburner,
    GatewayUnreachable,
    JobCanceled,
    JobFailed,
    JobOptions,
    JobStatus,
    WaitTimedOut,
)
from tests.clients.fake_gateway import busy, lost, problem

PAYLOAD = {"text": "hello"}


async def test_a_submitted_job_is_pending_and_has_an_id(client, gateway):
    job = await client.submit("echo", PAYLOAD, labels={"team": "a"})
    assert job.status is JobStatus.PENDING
    assert job.job.estimated_completion_seconds == 30
    assert gateway.jobs[str(job.job_id)]["labels"] == {"team": "a"}


async def test_options_left_at_their_default_are_left_to_the_gateway(client, gateway):
    job = await client.submit("echo", PAYLOAD, options=JobOptions(max_tries=2))
    assert gateway.jobs[str(job.job_id)]["options"] == {"max_tries": 2}


@pytest.mark.parametrize("notify", ["ops-mail", ["ops-mail"], ("ops-mail",)])
async def test_one_channel_may_stand_alone(client, gateway, notify):
    job = await client.submit("echo", PAYLOAD, notify=notify)
    assert gateway.jobs[str(job.job_id)]["notify"] == ["ops-mail"]


@pytest.mark.parametrize("trouble", [busy, lost, lambda: problem(502, "x")])
async def test_a_submit_repeated_after_trouble_keeps_its_key(client, gateway, trouble):
    gateway.troubles = [trouble, trouble]
    await client.submit("echo", PAYLOAD)
    keys = {each.headers["idempotency-key"] for each in gateway.seen("POST", "/api/jobs")}
    assert len(gateway.seen("POST", "/api/jobs")) == 3
    assert len(keys) == 1
    assert len(gateway.jobs) == 1


async def test_two_submits_get_two_keys(client, gateway):
    await client.submit("echo", PAYLOAD)
    await client.submit("echo", PAYLOAD)
    assert len(gateway.jobs) == 2


async def test_a_submit_may_hold_for_the_end(client, gateway):
    await client.submit("echo", PAYLOAD, wait=timedelta(seconds=5))
    assert gateway.requests[-1].headers["prefer"] == "wait=5"


async def test_a_problem_carries_everything_the_gateway_said(client):
    with pytest.raises(ApiError) as caught:
        await client.submit("echo", {})
    error = caught.value
    assert (error.status, error.code, error.request_id) == (422, "invalid_payload", "req-7")
    assert error.detail == "the body has 1 mistake"
    assert error.advice == "Mend invalid_payload."
    assert error.errors == [{"pointer": "/payload/text", "detail": "Field required"}]
    assert str(error).splitlines()[1:] == ["  at /payload/text: Field required"]


async def test_a_wait_longer_than_the_retries_is_not_begun(gateway):
    gateway.troubles = [lambda: busy(60)]
    async with AsyncBackburner(gateway.url, retry_for=timedelta(seconds=5)) as client:
        with pytest.raises(ApiError) as caught:
            await client.job_types()
    assert caught.value.retry_after_seconds == 60
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ("7", 7.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
async def test_a_wait_that_makes_no_sense_is_none(client, gateway, said, understood):
    gateway.troubles = [lambda: problem(409, "x", headers={"Retry-After": said})]
    with pytest.raises(ApiError) as caught:
        await client.job_types()
    assert caught.value.retry_after_seconds == understood


async def test_an_answer_that_is_no_problem_document_still_names_its_status(gateway):
    async with AsyncBackburner(gateway.url) as client:
        with pytest.raises(ApiError) as caught:
            await client.job_type("echo")  # the fake has no such route and answers in plain text
    assert caught.value.code == "http_404"
    assert caught.value.detail == "Not Found"


async def test_nobody_at_the_address_is_said_soon(nobody):
    async with AsyncBackburner(nobody) as client:
        with pytest.raises(GatewayUnreachable, match=nobody):
            await client.job_types()


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://example.com", "http://"])
def test_an_address_that_is_no_url_is_refused(url):
    with pytest.raises(ValueError, match="not an http"):
        AsyncBackburner(url)


async def test_the_token_is_sent(gateway):
    gateway.token = "sesame"
    async with AsyncBackburner(gateway.url, token="sesame") as client:
        await client.job_types()


async def test_url_and_token_come_from_the_environment(gateway, monkeypatch):
    gateway.token = "sesame"
    monkeypatch.setenv("BACKBURNER_URL", gateway.url)
    monkeypatch.setenv("BACKBURNER_TOKEN", "sesame")
    async with AsyncBackburner() as client:
        await client.job_types()


async def test_jobs_come_from_all_pages_once(client, gateway):
    made = [gateway.add_job() for _ in range(5)]
    found = [str(job.job_id) async for job in client.jobs(page_size=2)]
    assert found == made[::-1]


async def test_jobs_are_filtered_by_the_gateway(client, gateway):
    gateway.add_job()
    wanted = gateway.add_job("succeeded", labels={"team": "a"})
    jobs = client.jobs(status=JobStatus.SUCCEEDED, labels={"team": "a"})
    assert [str(job.job_id) async for job in jobs] == [wanted]


async def test_children_can_be_listed_or_left_out(client, gateway):
    root = gateway.add_job()
    child = gateway.add_job(parent_id=root)
    for wanted, found in [
        ({}, [child, root]),
        ({"parent": root}, [child]),
        ({"parent": child}, []),
        ({"root": True}, [root]),
        ({"root": False}, [child]),
    ]:
        assert [str(job.job_id) async for job in client.jobs(**wanted)] == found


async def test_a_wait_ends_with_the_job(client, gateway):
    job_id = gateway.add_job()
    gateway.finish_after = 1
    job = await client.wait(job_id)
    assert job.status is JobStatus.SUCCEEDED
    assert gateway.requests[-1].headers["prefer"] == "wait=30"


async def test_a_wait_outlasts_a_gateway_in_trouble(client, gateway):
    job_id = gateway.add_job("succeeded")
    gateway.troubles = [busy, lost, lambda: problem(500, "internal_error")]
    assert (await client.wait(job_id)).status is JobStatus.SUCCEEDED


async def test_a_wait_ends_when_its_time_is_up(client, gateway):
    job_id = gateway.add_job()
    with pytest.raises(WaitTimedOut, match=r"0\.2 s; it goes on"):
        await client.wait(job_id, timeout=timedelta(seconds=0.2))


async def test_a_result_is_returned_as_it_is(client, gateway):
    job_id = gateway.add_job("succeeded", result={"echo": [1, None]})
    assert await client.result(job_id) == {"echo": [1, None]}


async def test_a_result_that_is_not_there_yet_is_an_error(client, gateway):
    with pytest.raises(ApiError) as caught:
        await client.result(gateway.add_job())
    assert caught.value.code == "result_not_ready"


@pytest.mark.parametrize(
    ("status", "error"), [("failed", JobFailed), ("canceled", JobCanceled)], ids=str
)
async def test_a_job_that_ended_without_result_says_why(client, gateway, status, error):
    failure = {"code": "tries_exhausted", "message": "five tries", "advice": "Look."}
    job_id = gateway.add_job(status, error=failure)
    with pytest.raises(error) as caught:
        await client.result(job_id)
    assert caught.value.job.error.advice == "Look."


async def test_a_cancel_carries_its_reason(client, gateway):
    job_id = gateway.add_job()
    await client.cancel(job_id, reason="no need")
    assert gateway.events[job_id][-1]["data"] == {"reason": "no need"}


async def test_a_signal_whose_reply_is_lost_is_not_sent_again(client, gateway):
    job_id = gateway.add_job()
    gateway.troubles = [lost]
    with pytest.raises(GatewayUnreachable):
        await client.signal(job_id, "approve", {"by": "me"})
    assert len(gateway.requests) == 1


async def test_a_signal_waits_for_the_job_to_start(client, gateway):
    job_id = gateway.add_job()
    refusal = problem(409, "job_not_started", headers={"Retry-After": "0"})
    gateway.troubles = [lambda: refusal]
    await client.signal(job_id, "approve", {"by": "me"})
    assert gateway.signals == [("approve", {"by": "me"})]


async def test_a_query_is_answered(client, gateway):
    assert await client.query(gateway.add_job(), "cost") == {"asked": "cost"}


async def test_documents_are_uploaded_in_order(client, gateway, tmp_path):
    paths = [tmp_path / "b.txt", tmp_path / "a.md"]
    for path in paths:
        path.write_text(path.name * 100_000)
    documents = await client.upload_documents(paths)
    assert [each.name for each in documents] == ["b.txt", "a.md"]
    assert documents[0].media_type == "text/plain"
    assert gateway.uploads["a.md"] == b"a.md" * 100_000
    assert [each.name async for each in client.documents()] == ["b.txt", "a.md"]
