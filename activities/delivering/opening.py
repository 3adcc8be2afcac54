"""Opens what tells others: the dispatcher of the outbox, and the deeds that send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

from activities.delivering.callbacks import Callbacks
from activities.delivering.dispatcher import Dispatcher
from activities.delivering.gate import Gate
from activities.delivering.guard import Guard, SystemResolver
from activities.delivering.message import Writer
from activities.delivering.posting import Poster
from activities.notifying.notifications import Notifications
from activities.notifying.services import Services
from activities.notifying.wording import Author
from jobs.callbacks import AttemptError, DeliveryStatus
from jobs.result_links import ResultLinks
from settings import CallbackSettings
from storage.database import Database
from storage.sealing import Vault
from telemetry import instruments


@dataclass(frozen=True)
class Telling:
    """What a worker needs to tell others."""

    callbacks: Callbacks
    notifications: Notifications
    dispatcher: Dispatcher


@asynccontextmanager
async def telling(
    db: Database, client: Client, queue: str, settings: CallbackSettings
) -> AsyncIterator[Telling]:
    """Dispatch for as long as the block lasts; the threads that look names up end with it."""
    _show_zeroes()
    keys = [key.get_secret_value() for key in settings.secret_keys]
    policy = settings.url_policy
    links = ResultLinks(settings.public_url, keys[0], settings.result_link_lifetime)
    resolver, services = SystemResolver(), Services(settings.callback_timeout)
    callbacks = Callbacks(
        db=db,
        vault=Vault(keys),
        writer=Writer(db, links),
        poster=Poster(Guard(policy.networks, resolver), timeout=settings.callback_timeout),
        gate=Gate(settings.callback_slots),
        policy=policy,
        disable_after=settings.callback_disable_after,
        concurrent=settings.concurrent_callbacks,
        operators=settings.channels.told_of_endpoints,
    )
    notifications = Notifications(
        db=db,
        channels=settings.channels,
        author=Author(db, links),
        services=services,
        gate=Gate(settings.callback_slots),
        timeout=settings.callback_timeout,
    )
    dispatcher = Dispatcher(db, client, queue, settings.callback_pauses)
    try:
        async with dispatcher.running():
            yield Telling(callbacks, notifications, dispatcher)
    finally:
        resolver.close()
        services.close()


def _show_zeroes() -> None:
    """Show every count from the start: Prometheus sees no increase in what just appears."""
    for outcome in (DeliveryStatus.DELIVERED, *AttemptError):
        instruments.DELIVERIES.add(0, {"outcome": outcome.value})
    for reason in ("gone", "failing"):
        instruments.ENDPOINTS_DISABLED.add(0, {"reason": reason})
