"""Opens what a worker process serves: the deeds, wired to their drivers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import openai
from temporalio.client import Client

from activities.adopting import Adopter
from activities.approvals import Approvals
from activities.attaching import open_attacher
from activities.census import Census
from activities.children import Children
from activities.control import Control
from activities.deeds import Deeds
from activities.delivering.opening import telling
from activities.document_erasing import DocumentEraser
from activities.documents import Documents
from activities.keeping import Keeper
from activities.lean_client import LeanClient
from activities.lease import Lease
from activities.library import Library
from activities.listener import Listener
from activities.maintenance import Maintenance
from activities.pace import Pace
from activities.provider import account_headers, open_sdk
from activities.records import Records
from activities.releasing import Releaser
from activities.responses import Responses
from activities.rows import Tables
from activities.scheduling import Scheduling
from activities.settling import Books
from activities.submitting import Submitter
from activities.traced_provider import TracedProvider
from activities.watcher import Watcher
from jobs.registry import JobType
from settings import CallbackSettings, OpenAISettings, WorkerSettings
from storage.database import Database
from storage.installation import installation_id
from storage.objects import Objects


@asynccontextmanager
async def open_deeds(
    client: Client,
    db: Database,
    objects: Objects,
    job_types: Mapping[str, JobType],
    *,
    queue: str,
    listen_url: str,
    provider_settings: OpenAISettings,
    settings: WorkerSettings,
    callback_settings: CallbackSettings,
) -> AsyncIterator[Deeds]:
    """Wire the deeds to their drivers and release the drivers in the end."""
    async with (
        open_sdk(provider_settings, settings.waiting_responses) as sdk,
        LeanClient(str(sdk.base_url), account_headers(sdk)) as lean_client,
        Watcher(lean_client, concurrent_polls=settings.concurrent_polls) as watcher,
        telling(db, client, queue, callback_settings) as told,
        Lease(db, client, settings.long_wait_after).running() as lease,
    ):
        provider = _provider(sdk, lean_client, provider_settings)
        books = Books(db, objects)
        releaser = Releaser(provider, books)
        keeper = Keeper(db, client, releaser)
        attacher = open_attacher(sdk, db, objects, provider_settings)
        installation = await installation_id(db)
        model, per_minute = provider_settings.model, provider_settings.requests_per_minute
        submitter = Submitter(
            db, objects, provider, releaser, keeper, attacher, installation, model, per_minute
        )
        adopter = Adopter(db, client, provider, books, releaser, installation)
        eraser = DocumentEraser(db, objects, attacher.files)
        stuck = timedelta(seconds=settings.stuck_start_seconds)
        wake = told.dispatcher.wake
        listener = Listener(listen_url, db, watcher, adopter.adopt_strangers, wake)
        async with keeper.running(), listener.running():
            yield Deeds(
                responses=Responses(submitter, releaser, books, watcher, Pace(), lease),
                records=Records(db, objects),
                approvals=Approvals(db),
                children=Children(db, objects, client, job_types),
                control=Control(client),
                documents=Documents(db, objects, model, attacher),
                maintenance=Maintenance(
                    db, client, releaser, adopter, job_types, queue, stuck, Census(db), eraser
                ),
                tables=Tables(db, objects),
                library=Library(db),
                callbacks=told.callbacks,
                notifications=told.notifications,
                scheduling=Scheduling(db, job_types),
                watcher=watcher,
            )


def _provider(
    sdk: openai.AsyncOpenAI, lean_client: LeanClient, settings: OpenAISettings
) -> TracedProvider:
    timeout = settings.submit_timeout if settings.background else settings.synchronous_timeout
    return TracedProvider(
        sdk,
        lean_client,
        submit_timeout_seconds=timeout.total_seconds(),
        is_synchronous=not settings.background,
    )
