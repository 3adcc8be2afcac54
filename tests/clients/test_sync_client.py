"""The synchronous client, and the handles that both clients return."""

from contextlib import closing
from datetime import timedelta

import pytest

from backburner import (
    ApiError,
    Backburner,
    GatewayUnreachable,
    JobFailed,
    JobStatus,
    WaitTimedOut,
)
from tests.clients.fake_gateway import busy, lost, problem

PAYLOAD = {"text": "hello"}
SOON = timedelta(seconds=0.2)


@pytest.fixture
def sync_client(gateway):
    with Backburner(gateway.url) as client:
        yield client


def test_a_submitted_job_can_be_waited_for(sync_client, gateway):
    handle = sync_client.submit("echo", PAYLOAD)
    assert handle.status == "pending"
    gateway.finish_after = 1
    assert handle.wait().status is JobStatus.SUCCEEDED
    assert handle.status == "succeeded"
    assert handle.result() == {"echo": "hello"}
    assert str(handle.job_id) in repr(handle)


async def test_a_handle_of_the_asynchronous_client_does_the_same(client, gateway):
    gateway.finish_after = 1
    assert (await (await client.submit("echo", PAYLOAD)).wait()).result == {"echo": "hello"}


def test_a_handle_follows_refreshes_and_cancels(sync_client, gateway):
    handle = sync_client.submit("echo", PAYLOAD)
    handle.cancel(reason="no need")
    gateway.end(str(handle.job_id), "canceled")
    assert [each.type for each in handle.events()] == ["created", "cancel_requested", "canceled"]
    assert handle.refresh().status is JobStatus.CANCELED


def test_the_result_of_a_failed_job_is_its_error(sync_client, gateway):
    handle = sync_client.submit("echo", PAYLOAD)
    gateway.end(str(handle.job_id), "failed", error={"code": "tries_exhausted"})
    with pytest.raises(JobFailed, match="tries_exhausted"):
        handle.result()


@pytest.mark.parametrize("trouble", [busy, lost, lambda: problem(502, "x")])
def test_a_submit_repeated_after_trouble_keeps_its_key(sync_client, gateway, trouble):
    gateway.troubles = [trouble, trouble]
    sync_client.submit("echo", PAYLOAD)
    assert len(gateway.seen("POST", "/api/jobs")) == 3
    assert len(gateway.jobs) == 1


def test_a_wait_outlasts_a_gateway_in_trouble(sync_client, gateway):
    job_id = gateway.add_job("succeeded")
    gateway.troubles = [busy, lost, lambda: problem(500, "internal_error")]
    assert sync_client.wait(job_id).status is JobStatus.SUCCEEDED


def test_a_wait_ends_when_its_time_is_up(sync_client, gateway):
    with pytest.raises(WaitTimedOut, match=r"0\.2 s; it goes on"):
        sync_client.wait(gateway.add_job(), timeout=SOON)


def test_a_wait_ends_in_time_although_the_gateway_asks_for_more(sync_client, gateway):
    job_id = gateway.add_job()
    gateway.troubles = [lambda: busy(60)]
    with pytest.raises(WaitTimedOut):
        sync_client.wait(job_id, timeout=SOON)


async def test_so_does_one_of_the_asynchronous_client(client, gateway):
    job_id = gateway.add_job()
    gateway.troubles = [lambda: busy(60)]
    with pytest.raises(WaitTimedOut):
        await client.wait(job_id, timeout=SOON)


def test_a_stream_cut_in_the_middle_loses_and_repeats_nothing(sync_client, gateway):
    job_id = gateway.add_job("succeeded")
    gateway.cuts = [0, 1, 0]
    assert [event.seq for event in sync_client.events(job_id)] == [1, 2]


def test_a_stream_may_be_left_early(sync_client, gateway):
    with closing(sync_client.events(gateway.add_job("succeeded"))) as events:
        assert next(events).type == "created"


def test_jobs_come_from_all_pages_once(sync_client, gateway):
    made = [gateway.add_job() for _ in range(5)]
    assert [str(job.job_id) for job in sync_client.jobs(page_size=2)] == made[::-1]


def test_documents_are_uploaded(sync_client, gateway, tmp_path):
    path = tmp_path / "a.md"
    path.write_text("words " * 100_000)
    [document] = sync_client.upload_documents([path])
    assert (document.name, gateway.uploads["a.md"]) == ("a.md", path.read_bytes())


def test_an_approval_is_found_and_decided(sync_client, gateway):
    gateway.add_approval(gateway.add_job())
    [listed] = sync_client.approvals.list()
    approval = sync_client.approvals.get(listed.job_id, listed.key)
    assert sync_client.approvals.approve(approval, edits={"steps": []}).state == "approved"
    with pytest.raises(ValueError, match="comes from a list"):
        sync_client.approvals.reject(listed)


def test_a_signal_whose_reply_is_lost_is_not_sent_again(sync_client, gateway):
    job_id = gateway.add_job()
    gateway.troubles = [lost]
    with pytest.raises(GatewayUnreachable):
        sync_client.signal(job_id, "approve", {"by": "me"})
    assert len(gateway.requests) == 1


def test_a_refusal_names_its_code(sync_client):
    with pytest.raises(ApiError, match="unknown_job_type"):
        sync_client.submit("unknown", PAYLOAD)
