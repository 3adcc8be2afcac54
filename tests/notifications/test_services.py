"""What Apprise sends for us, and what of its failures is written down."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.notifying.sending import Message, Sent, Unusable
from activities.notifying.services import Services, masked
from jobs.callbacks import AttemptError
from jobs.channels import AppriseChannel
from local.ports import free_port
from tests.callbacks.certificates import Authority
from tests.callbacks.receiver import Answer, Receiver, receiving

MESSAGE = Message("7b0f", None, "It failed", "Because <!channel> *said* so: http://evil.example\n")
TOKEN = "hvqwerty1234secrettoken"


@pytest.fixture
def services() -> Iterator[Services]:
    found = Services(timedelta(seconds=10))
    yield found
    found.close()


def channel(url: str | Path) -> AppriseChannel:
    secret: Any = {"file": url} if isinstance(url, Path) else url
    return AppriseChannel.model_validate({"type": "apprise", "url": secret})


def mattermost(receiver: Receiver) -> str:
    """Return the URL of a service whose webhooks are like Slack's, and that leads here."""
    return receiver.url.replace("http://", "mmost://").replace("/hook", f"/{TOKEN}")


async def sent(services: Services, url: str | Path, name: str = "team") -> Sent:
    return await services.send(name, channel(url), MESSAGE, is_bad_news=True)


async def test_a_webhook_like_slacks_gets_the_message(services: Services, receiver: Receiver):
    receiver.usually = Answer(200)
    assert await sent(services, mattermost(receiver)) == Sent()
    [request] = await receiver.got()
    assert request.target == f"/hooks/{TOKEN}"
    assert "It failed" in request.json()["text"]
    assert "said" in request.json()["text"]


async def test_any_program_gets_the_message_as_json(services: Services, receiver: Receiver):
    assert await sent(services, receiver.url.replace("http://", "json://")) == Sent()
    [request] = await receiver.got()
    body = request.json()
    assert (body["title"], body["type"]) == (MESSAGE.title, "failure")
    assert body["message"].strip() == MESSAGE.body.strip()


@pytest.fixture
async def teams(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A receiver with a certificate that Apprise's client trusts."""
    authority = Authority()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file(tmp_path)))
    async with receiving(tls=authority.server("localhost")) as found:
        found.usually = Answer(202)
        yield found


async def test_teams_gets_a_card_over_tls(services: Services, teams: Receiver):
    place = teams.url.replace("https://127.0.0.1", "workflows://localhost")
    url = place.replace("/hook", f"/a1b2c3d4/{TOKEN}")
    assert await sent(services, url) == Sent()
    [request] = await teams.got()
    [card] = request.json()["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert "It failed" in str(card["content"])


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Names of the loggers whose records reach our log."""
    names: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: names.append(record.name)  # type: ignore[method-assign]
    logging.root.addHandler(handler)
    yield names
    logging.root.removeHandler(handler)


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_an_answer_that_is_no_success_is_a_failure(
    services: Services, receiver: Receiver, status: int, logged: list[str]
):
    receiver.usually = Answer(status, {"Location": receiver.url})
    found = await sent(services, mattermost(receiver))
    assert found.error is AttemptError.NOT_ACCEPTED
    assert str(status) in (found.message or "")
    assert len(receiver.received) == 1  # a redirect is not followed
    assert TOKEN not in (found.message or "")
    assert "apprise" not in logged


async def test_a_service_that_is_away_is_a_failure(services: Services):
    found = await sent(services, f"json://127.0.0.1:{free_port()}/{TOKEN}")
    assert found.error is AttemptError.NOT_ACCEPTED
    assert TOKEN not in (found.message or "")


async def test_a_service_that_hangs_is_given_up(receiver: Receiver):
    receiver.usually = Answer(silent=True)
    impatient = Services(timedelta(seconds=0.2))
    found = await sent(impatient, f"{mattermost(receiver)}?rto=1")
    impatient.close()
    assert found.error is AttemptError.TIMED_OUT


async def test_a_url_that_apprise_does_not_know_is_the_channels_fault(services: Services):
    with pytest.raises(Unusable) as caught:
        await sent(services, f"carrierpigeon://{TOKEN}")
    assert TOKEN not in str(caught.value)


async def test_a_url_in_a_file_is_read_each_time(
    services: Services, receiver: Receiver, tmp_path: Path
):
    place = tmp_path / "url"
    place.write_text("nonsense\n")
    with pytest.raises(Unusable):
        await sent(services, place)
    place.write_text(mattermost(receiver) + "\n")
    receiver.usually = Answer(200)
    assert await sent(services, place) == Sent()
    place.unlink()
    with pytest.raises(Unusable):
        await sent(services, place)


def test_what_stands_in_a_url_is_masked():
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnl%2Fazkc/#general"
    text = "failed for /services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnl/azkc in general: error=404"
    assert masked(text, url) == "failed for /services/***/***/***/*** in ***: error=404"
