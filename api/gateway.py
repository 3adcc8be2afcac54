"""What the gateway is built from, and how routes get at it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from temporalio.client import Client

from api.estimates import Estimates
from api.follower import Follower
from api.notifier import Notifier
from jobs.errors import Unauthenticated
from jobs.registry import JobType
from jobs.values import Tenant
from settings import CallbackSettings, GatewaySettings
from storage.database import Database
from storage.objects import Objects
from storage.sealing import Vault

ONLY_TENANT = Tenant("default")
"""Whom an open door, which only development has, lets in."""


@dataclass(frozen=True)
class Gateway:
    """Everything the routes need.

    Attributes:
        queue: Base name of the task queues.
        callbacks: How others are told; the workers have the same.
        temporal_ui_url: Where people open Temporal UI; None leaves the link out of replies.
        listen_url: Postgres past any pooler, to hear of ends of jobs; None leaves it at looking.
    """

    db: Database
    objects: Objects
    temporal: Client
    job_types: Mapping[str, JobType]
    settings: GatewaySettings
    queue: str
    callbacks: CallbackSettings = field(default_factory=CallbackSettings)
    temporal_ui_url: str | None = None
    listen_url: str | None = None

    @cached_property
    def secret_keys(self) -> list[str]:
        """What seals signing secrets and signs links to results; the first one is current."""
        return [key.get_secret_value() for key in self.callbacks.secret_keys]

    @cached_property
    def vault(self) -> Vault:
        """Where signing secrets are sealed and opened."""
        return Vault(self.secret_keys)

    @cached_property
    def tenants(self) -> dict[bytes, Tenant]:
        """Tenants by the digest of their token: looking up a digest tells no timing of a token."""
        tokens = self.settings.api_tokens.items()
        return {_digest(token): Tenant(tenant) for token, tenant in tokens}

    def in_temporal_ui(self, kind: str, its_id: str) -> str | None:
        """Return where Temporal UI shows a workflow, say; None when nobody knows where it is."""
        if not self.temporal_ui_url:
            return None
        ui, namespace = self.temporal_ui_url.rstrip("/"), self.temporal.namespace
        return f"{ui}/namespaces/{namespace}/{kind}/{quote(its_id, safe='')}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


_BEARER = HTTPBearer(
    auto_error=False,
    description="A token of BACKBURNER_API_TOKENS; a development gateway without any needs none.",
)


async def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


async def _follower(request: Request) -> Follower:
    follower: Follower = request.app.state.follower
    return follower


async def _notifier(request: Request) -> Notifier:
    notifier: Notifier = request.app.state.notifier
    return notifier


async def _estimates(request: Request) -> Estimates:
    estimates: Estimates = request.app.state.estimates
    return estimates


GatewayIn = Annotated[Gateway, Depends(_gateway)]
FollowerIn = Annotated[Follower, Depends(_follower)]
NotifierIn = Annotated[Notifier, Depends(_notifier)]
EstimatesIn = Annotated[Estimates, Depends(_estimates)]


async def _tenant(
    gateway: GatewayIn,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
) -> Tenant:
    if not gateway.tenants:
        return ONLY_TENANT
    if credentials is None:
        raise Unauthenticated("this gateway needs an API token")
    tenant = gateway.tenants.get(_digest(credentials.credentials))
    if tenant is None:
        raise Unauthenticated("nobody knows this API token")
    return tenant


TenantIn = Annotated[Tenant, Depends(_tenant)]
