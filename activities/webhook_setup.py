"""`backburner webhooks`: manages the endpoint at OpenAI that sends its events to our gateway.

The endpoint belongs to the project of OPENAI_API_KEY. OpenAI shows a signing secret once, when it
is made. The gateway has to be told it, so it is printed together with the setting it belongs into.
"""

import argparse
import asyncio
import ipaddress
import json
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import openai
from openai import AsyncOpenAI
from openai.types.webhooks.webhook_endpoint import WebhookEndpoint
from pydantic import ValidationError
from rich.console import Console

from jobs.webhooks import EVENT_TYPES, INCOMING_PATH
from settings import OpenAISettings

NAME = "backburner"
SETTING = "BACKBURNER_OPENAI_WEBHOOK_SECRETS"

Command = Callable[[AsyncOpenAI, str | None], Awaitable[list[str]]]


class SetupRefused(RuntimeError):
    """What was asked for cannot be done; the text is for people."""


async def set_up(client: AsyncOpenAI, url: str | None) -> list[str]:
    """Register the gateway's address, unless it is registered; return what to tell people.

    Raises:
        SetupRefused: OpenAI could not, or should not, send events there.
    """
    url = _checked(url)
    endpoint = next((each for each in await _ours(client) if each.url == url), None)
    if endpoint is None:
        made = await client.webhooks.create(name=NAME, url=url, event_types=list(EVENT_TYPES))
        return [
            f"Registered {made.id} for {url}.",
            "Start the gateways with this line; the secret is not shown again:",
            _line(made.signing_secret),
        ]
    lacking = sorted(set(EVENT_TYPES) - set(endpoint.event_types))
    if lacking:
        every = [*endpoint.event_types, *lacking]
        await client.webhooks.update(endpoint.id, event_types=every)  # type: ignore[arg-type]  # the SDK lists the names it knows; these came from OpenAI
        return [f"{endpoint.id} for {url} existed; it now sends {', '.join(lacking)} too."]
    return [
        f"{endpoint.id} for {url} exists already; nothing was changed.",
        "Its secret was shown when it was made. `backburner webhooks rotate` makes a new one.",
    ]


async def show(client: AsyncOpenAI, url: str | None) -> list[str]:
    """List the project's endpoints for gateways, or the one with this address."""
    found = [each for each in await _ours(client) if url in (None, each.url)]
    return [
        f"{each.id}  {each.url}  {each.signing_secret_hint or ''}  {', '.join(each.event_types)}"
        for each in found
    ] or ["No endpoint is registered. `backburner webhooks setup --url …` does it."]


async def test(client: AsyncOpenAI, url: str | None) -> list[str]:
    """Have OpenAI send a sample event.

    Raises:
        SetupRefused: The gateway did not take it.
    """
    endpoint = await _the_one(client, url)
    result = await client.webhooks.test(endpoint.id, event_type=EVENT_TYPES[0])
    if result.status_code == openai.AuthenticationError.status_code:
        mend = f"is the secret of {endpoint.id} in {SETTING}, and was the gateway restarted since?"
        raise SetupRefused(f"{endpoint.url} answered 401: {mend}")
    if not 200 <= result.status_code < 300:
        raise SetupRefused(f"{endpoint.url} answered {result.status_code}: is a gateway there?")
    return [f"{endpoint.url} took a sample event: it answered {result.status_code}."]


async def rotate(client: AsyncOpenAI, url: str | None) -> list[str]:
    """Make a new secret; the old one signs beside it for 24 hours."""
    endpoint = await _the_one(client, url)
    made = await client.webhooks.rotate_secret(
        endpoint.id, keep_old_secret_active_for_24_hours=True
    )
    return [
        f"{endpoint.id} has a new secret; the old one counts for 24 hours more.",
        "Start the gateways with both in the list now, and without the old one after a day:",
        _line(made.signing_secret, "<the old secret>"),
    ]


async def remove(client: AsyncOpenAI, url: str | None) -> list[str]:
    """Have OpenAI send nothing more; responses are polled again."""
    endpoint = await _the_one(client, url)
    await client.webhooks.delete(endpoint.id)
    return [f"Removed {endpoint.id} for {endpoint.url}. Responses are found by polling."]


async def _ours(client: AsyncOpenAI) -> list[WebhookEndpoint]:
    """Return the endpoints that lead to a gateway; others use the project too."""
    every = [each async for each in client.webhooks.list(limit=100)]
    return [each for each in every if urlsplit(each.url).path.endswith(INCOMING_PATH)]


async def _the_one(client: AsyncOpenAI, url: str | None) -> WebhookEndpoint:
    found = [each for each in await _ours(client) if url in (None, each.url)]
    if not found:
        which = "for a gateway" if url is None else f"for {url}"
        raise SetupRefused(f"the project has no endpoint {which}; set one up first")
    if len(found) > 1:
        urls = ", ".join(sorted(each.url for each in found))
        raise SetupRefused(f"there are several endpoints; name one with --url: {urls}")
    return found[0]


def _checked(url: str | None) -> str:
    if url is None:
        raise SetupRefused(f"name the gateway: --url https://<its address>{INCOMING_PATH}")
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise SetupRefused(f"{url!r} is no address")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise SetupRefused(f"{url!r} has to be https: only this machine itself goes without")
    if not parts.path.endswith(INCOMING_PATH):
        raise SetupRefused(f"{url!r} has to end with {INCOMING_PATH}")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _line(*secrets: str) -> str:
    return f"{SETTING}='{json.dumps(secrets)}'"


COMMANDS: dict[str, tuple[Command, str]] = {
    "setup": (set_up, "register the gateway's address"),
    "list": (show, "list what is registered"),
    "test": (test, "have a sample event sent"),
    "rotate": (rotate, "make a new secret; the old one counts for 24 hours more"),
    "remove": (remove, "have no more events sent"),
}


def main() -> int:
    """Run a command and return its exit status; trouble is one line on standard error."""
    parser = argparse.ArgumentParser(
        prog="backburner webhooks", description="Manage the webhook endpoint at OpenAI."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what)
        needed = name == "setup"
        command.add_argument("--url", required=needed, help=f"https://<gateway>{INCOMING_PATH}")
    arguments = parser.parse_args()
    try:
        lines = asyncio.run(_run(COMMANDS[arguments.command][0], arguments.url))
    except (SetupRefused, openai.OpenAIError, ValidationError) as error:
        Console(stderr=True).print(_words(error), markup=False, highlight=False, soft_wrap=True)
        return 1
    for line in lines:
        Console().print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


async def _run(command: Command, url: str | None) -> list[str]:
    settings = OpenAISettings()
    async with AsyncOpenAI(
        api_key=settings.api_key.get_secret_value(),
        base_url=settings.base_url,
        max_retries=0,
        timeout=settings.request_timeout.total_seconds(),
    ) as client:
        return await command(client, url)


def _words(error: Exception) -> str:
    """Say in one line what is wrong."""
    match error:
        case ValidationError():
            first = error.errors()[0]
            name = f"OPENAI_{first['loc'][0]}".upper()
            return f"error: the setting {name} is wrong: {first['msg']}"
        case openai.NotFoundError():
            return f"error: this server has no webhooks, or no such endpoint: {error.message}"
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return f"error: the key may not manage webhooks: {error.message}"
        case openai.APIConnectionError():
            reason = str(error.__cause__ or error.message)
            return f"error: {error.request.url.host} cannot be reached: {reason}"
    return f"error: {error}"


if __name__ == "__main__":
    sys.exit(main())
