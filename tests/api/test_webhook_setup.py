"""The endpoint at OpenAI, managed from the command line, and the gateway behind it."""

import dataclasses
import json
import os
import re
import subprocess
import sys

import pytest
from openai import AsyncOpenAI
from typer.testing import CliRunner

from activities import webhook_setup
from activities.webhook_setup import SetupRefused
from backburner.cli.app import app
from jobs.webhooks import EVENT_TYPES, INCOMING_PATH
from settings import GatewaySettings
from tests.api.conftest import serving
from tests.installation import ROOT

URL = f"https://jobs.example.com{INCOMING_PATH}"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
async def openai(bare):
    base_url = bare.environment["OPENAI_BASE_URL"]
    async with AsyncOpenAI(api_key="emulated", base_url=base_url, max_retries=0) as client:
        yield client


async def registered(openai):
    return [each async for each in openai.webhooks.list()]


def setting_in(lines):
    """Read the line that people are told to use, as their shell would."""
    [line] = [each for each in lines if each.startswith("BACKBURNER_OPENAI_WEBHOOK_SECRETS=")]
    script = f'{line}; printf %s "$BACKBURNER_OPENAI_WEBHOOK_SECRETS"'
    said = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    return json.loads(said.stdout)


async def test_setup_registers_once_and_shows_the_secret_once(openai):
    first = await webhook_setup.set_up(openai, URL)
    [secret] = setting_in(first)
    GatewaySettings.model_validate({"openai_webhook_secrets": [secret]})
    second = await webhook_setup.set_up(openai, URL)
    assert not SECRET.search("\n".join(second))
    [endpoint] = await registered(openai)
    assert (endpoint.url, set(endpoint.event_types)) == (URL, set(EVENT_TYPES))


async def test_setup_adds_what_an_endpoint_lacks_and_keeps_what_it_has(openai):
    await openai.webhooks.create(
        name="x", url=URL, event_types=["batch.completed", "response.failed"]
    )
    await webhook_setup.set_up(openai, URL)
    [endpoint] = await registered(openai)
    assert set(endpoint.event_types) == {"batch.completed", *EVENT_TYPES}


async def test_endpoints_of_others_are_left_alone(openai):
    other = "https://example.com/hooks"
    await openai.webhooks.create(name="theirs", url=other, event_types=["response.failed"])
    await webhook_setup.set_up(openai, URL)
    assert not any(other in line for line in await webhook_setup.show(openai, None))
    await webhook_setup.remove(openai, None)
    assert [each.url for each in await registered(openai)] == [other]
    with pytest.raises(SetupRefused, match="no endpoint"):
        await webhook_setup.rotate(openai, None)


async def test_of_several_gateways_one_has_to_be_named(openai):
    second = f"https://second.example.com/prefix{INCOMING_PATH}"
    await webhook_setup.set_up(openai, URL)
    await webhook_setup.set_up(openai, second)
    with pytest.raises(SetupRefused, match="several"):
        await webhook_setup.remove(openai, None)
    await webhook_setup.remove(openai, second)
    assert [each.url for each in await registered(openai)] == [URL]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (None, "--url"),
        (f"http://jobs.example.com{INCOMING_PATH}", "https"),
        ("https://jobs.example.com", INCOMING_PATH),
        (f"jobs.example.com{INCOMING_PATH}", "no address"),
        (f"ftp://jobs.example.com{INCOMING_PATH}", "no address"),
    ],
)
async def test_an_address_that_cannot_work_is_refused_before_openai_is_asked(openai, url, reason):
    with pytest.raises(SetupRefused, match=reason):
        await webhook_setup.set_up(openai, url)
    assert await registered(openai) == []


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
async def test_this_machine_itself_goes_without_https(openai, host):
    assert await webhook_setup.set_up(openai, f"http://{host}{INCOMING_PATH}")


async def test_a_sample_event_tells_whether_the_gateway_knows_the_secret(openai, gateway):
    async with serving(gateway) as (api, server):

        def know(*secrets):
            settings = GatewaySettings.model_validate({"openai_webhook_secrets": secrets})
            known = dataclasses.replace(gateway, settings=settings)
            server.config.loaded_app.app.state.gateway = known

        url = f"http://127.0.0.1:{api.base_url.port}{INCOMING_PATH}"
        [old] = setting_in(await webhook_setup.set_up(openai, url))
        with pytest.raises(SetupRefused, match="answered 401"):
            await webhook_setup.test(openai, None)
        know(old)
        assert "204" in (await webhook_setup.test(openai, None))[0]
        new, placeholder = setting_in(await webhook_setup.rotate(openai, None))
        assert placeholder == "<the old secret>"
        for known in ((old,), (new, old), (new,)):
            know(*known)
            assert "204" in (await webhook_setup.test(openai, None))[0]


def run(arguments, **environment):
    kept = {name: each for name, each in os.environ.items() if not name.startswith("OPENAI_")}
    return subprocess.run(
        [sys.executable, "-m", "activities.webhook_setup", *arguments],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
    )


EMULATED = {"OPENAI_API_KEY": "emulated"}
TROUBLE = {
    "no key": ({}, "OPENAI_API_KEY"),
    "nobody there": (EMULATED | {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, "127.0.0.1"),
    "a blank key": ({"OPENAI_API_KEY": " "}, "header"),
}


@pytest.mark.parametrize(("environment", "word"), TROUBLE.values(), ids=TROUBLE)
def test_trouble_is_one_line(emulator_url, environment, word):
    done = run(["list"], **{"OPENAI_BASE_URL": f"{emulator_url}/v1", **environment})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert word in done.stderr


async def test_a_server_without_webhooks_is_named_as_such(bare, openai):
    await bare.emulator.post("/settings", json={"dialect": {"webhooks": False}})
    done = run(["list"], **EMULATED, OPENAI_BASE_URL=bare.environment["OPENAI_BASE_URL"])
    await bare.emulator.post("/settings", json={"dialect": {}})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "has no webhooks" in done.stderr


def test_the_command_hands_over_with_all_arguments(monkeypatch):
    ran = []
    monkeypatch.setattr(os, "execv", lambda *command: ran.append(command))
    CliRunner().invoke(app, ["webhooks", "setup", "--url", URL])
    wanted = [sys.executable, "-m", "activities.webhook_setup", "setup", "--url", URL]
    assert ran == [(sys.executable, wanted)]
