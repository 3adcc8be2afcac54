"""What `.env` says reaches the processes of docker-compose.yml: no setting is passed over."""

import asyncio

import pytest

from docs.reference import SETTINGS
from settings import (
    CallbackSettings,
    GatewaySettings,
    OpenAISettings,
    StorageSettings,
    TelemetrySettings,
    TemporalSettings,
    WorkerSettings,
)
from storage.objects import open_store
from tests.deploy.composition import services
from tests.deploy.here import fresh_variables

BOTH = (CallbackSettings, StorageSettings, TelemetrySettings, TemporalSettings)
READ = {
    "gateway": (GatewaySettings, *BOTH),
    "worker": (WorkerSettings, OpenAISettings, *BOTH),
    "worker-cpu": (WorkerSettings, OpenAISettings, *BOTH),
}
FIXED = {
    "BACKBURNER_DATABASE_URL",
    "BACKBURNER_LISTEN_URL",
    "BACKBURNER_HOST",
    "BACKBURNER_PORT",
    "BACKBURNER_METRICS_HOST",
}
"""Where the parts of the file find one another is not for `.env` to say."""

STORE = {
    "AWS_ACCESS_KEY_ID": "a-key-id",
    "AWS_SECRET_ACCESS_KEY": "a-key",
    "AWS_SESSION_TOKEN": "a-session",
    "AWS_REGION": "eu-central-9",
    "AWS_ALLOW_HTTP": "true",
}
STORED = b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def names_of(service: str) -> set[str]:
    return {
        f"{group.model_config['env_prefix']}{name}".upper()
        for group in READ[service]
        for name in group.model_fields
    }


def environment_of(service: str, **variables: str) -> dict[str, str]:
    return services(fresh_variables() | variables)[service].environment


def test_every_group_of_settings_is_read_by_one_of_the_services():
    assert {group for groups in READ.values() for group in groups} == set(SETTINGS)


@pytest.mark.parametrize("service", READ)
def test_every_setting_of_the_env_file_reaches_the_service_that_reads_it(service: str):
    given = {name: f"my {name}" for name in names_of(service) - FIXED}
    reached = environment_of(service, **given)
    assert {name: reached.get(name) for name in given} == given


@pytest.mark.parametrize("group", [WorkerSettings, OpenAISettings], ids=lambda g: g.__name__)
def test_a_setting_that_nobody_makes_keeps_its_default(
    group: type[WorkerSettings | OpenAISettings], monkeypatch: pytest.MonkeyPatch
):
    reached = environment_of("worker", OPENAI_BASE_URL="")
    monkeypatch.setenv("OPENAI_API_KEY", reached["OPENAI_API_KEY"])
    untouched = group()
    for name, value in reached.items():
        monkeypatch.setenv(name, value)
    assert group() == untouched


@pytest.mark.parametrize("service", READ)
def test_credentials_of_an_object_store_are_handed_on_or_left_out(service: str):
    assert STORE.items() <= environment_of(service, **STORE).items()
    assert not STORE.keys() & environment_of(service).keys()


async def test_an_object_store_is_asked_with_these_credentials(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(STORED)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        endpoint = f"http://127.0.0.1:{port}"
        reached = environment_of(
            "worker", BACKBURNER_OBJECTS_URL="s3://bucket/x", AWS_ENDPOINT_URL=endpoint, **STORE
        )
        for name, value in reached.items():
            monkeypatch.setenv(name, value)
        await open_store(StorageSettings().objects_url).put_async("probe", b"")
    [request] = asked
    assert request.startswith("PUT /bucket/x/probe ")
    assert "Credential=a-key-id/" in request
    assert "/eu-central-9/s3/" in request
    assert "x-amz-security-token: a-session" in request.lower()
