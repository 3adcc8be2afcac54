"""Settings, read once at the edge and passed down. `docs/settings.md` explains each one."""

import base64
import binascii
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.callbacks import PAUSES, UrlPolicy
from jobs.channels import Channels
from jobs.webhooks import check_secret

TenantName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""Tenants name object keys and fairness keys, which bounds their length and alphabet."""

Pause = Annotated[timedelta, Field(gt=timedelta(0))]

SAMPLE_SECRETS = frozenset(
    {"emulated", "change-me", "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
)
"""Secrets that stand in examples; production refuses them."""


SAMPLE_KEY = "YmFja2J1cm5lciBzYW1wbGUga2V5LCBub3Qgc2VjcmU="
"""The key that seals secrets on a laptop; everybody knows it."""

KEY_BYTES = 32

WEB_PORTS = frozenset({443, 8443})
"""Where callbacks may go in production, unless a setting says otherwise."""


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="BACKBURNER_",
        env_ignore_empty=True,  # a compose file hands unset variables on as empty ones
        frozen=True,
        extra="ignore",
    )


class StorageSettings(_Settings):
    """Where Backburner remembers.

    Attributes:
        database_url: Postgres, as a libpq URL.
        listen_url: Postgres past any pooler, for LISTEN; None takes the database_url.
        database_pool_size: Connections each process holds at the most.
        objects_url: Object store for documents and large values: file:, s3:, gs: or az: URL.
    """

    database_url: str = "postgresql://backburner@127.0.0.1:5432/backburner"
    listen_url: str | None = None
    database_pool_size: int = Field(default=10, ge=2, le=500)
    objects_url: str = Field(default_factory=lambda: (Path.cwd() / ".backburner/objects").as_uri())


class TemporalSettings(_Settings):
    """What Temporal's own configuration (TEMPORAL_ADDRESS, TEMPORAL_API_KEY, …) does not cover.

    Attributes:
        queue: Base name of the task queues; installations sharing a namespace use different ones.
        temporal_ui_url: Where people open Temporal UI; None leaves the link out of replies.
    """

    queue: str = Field(default="backburner", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    temporal_ui_url: str | None = None


class OpenAISettings(_Settings):
    """The provider. Names follow OpenAI's own SDK.

    Attributes:
        api_key: The key of the project that pays.
        base_url: Any server that speaks the Responses API.
        model: Model of jobs that do not ask for one.
        requests_per_minute: Submits the account allows; None leaves the limit to the provider.
        background: Whether the server has background mode. False submits synchronously: a POST
            then lasts until the answer is there.
        submit_timeout: How long a POST may take. Generous, since giving up on one that was accepted
            costs money twice.
        synchronous_timeout: The same where the server has no background mode.
        request_timeout: How long a GET, cancel or delete may take.
        max_file_bytes: Largest document that is given to the model as the original file, and the
            most that all of them may have in one request. OpenAI takes 50 MB.
        file_lifetime: After how long such a file expires at the provider, 2 to 30 days. One that
            has less than a day left is uploaded anew.
    """

    model_config = SettingsConfigDict(env_prefix="OPENAI_")

    api_key: SecretStr
    base_url: str = "https://api.openai.com/v1"
    model: str = "gpt-6.1-terra"
    requests_per_minute: int | None = Field(default=None, ge=1)
    background: bool = True
    submit_timeout: timedelta = timedelta(seconds=60)
    synchronous_timeout: timedelta = timedelta(minutes=10)
    request_timeout: timedelta = timedelta(seconds=30)
    max_file_bytes: int = Field(default=50_000_000, ge=1)
    file_lifetime: timedelta = Field(
        default=timedelta(days=7), ge=timedelta(days=2), le=timedelta(days=30)
    )


class WorkerSettings(_Settings):
    """Sizes of one worker process.

    Attributes:
        waiting_responses: Responses one process may wait for at once.
        cached_workflows: Workflows kept in memory between two of their tasks.
        extractions: Documents read at once, each in a child process.
        concurrent_polls: Status requests in flight at once.
        long_wait_after: Age of a response from which on the wait for it beats once a minute
            instead of four times: each beat costs Temporal as much as an event.
        graceful_shutdown: How long running activities may take after SIGTERM; waits end at once,
            a POST in flight gets this long.
        stuck_start_seconds: Age after which a pending job's workflow is started again.
        deployment: Name of the worker deployment. Turns Temporal's worker versioning on: then
            nothing runs before a version is made current. None leaves it off.
        build_id: Which version of the code this is, for the deployment: a Git commit, for example.
        versioning: What becomes of running workflows when another version is made current:
            `auto_upgrade` moves them to it, `pinned` leaves them where they began.
    """

    waiting_responses: int = Field(default=5000, ge=1)
    cached_workflows: int = Field(default=1000, ge=0)
    extractions: int = Field(default=2, ge=1)
    concurrent_polls: int = Field(default=16, ge=1)
    long_wait_after: timedelta = Field(default=timedelta(seconds=60), gt=timedelta(0))
    graceful_shutdown: timedelta = timedelta(seconds=70)
    stuck_start_seconds: int = Field(default=10, ge=1)
    deployment: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,100}$")
    build_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,100}$")
    versioning: Literal["auto_upgrade", "pinned"] = "auto_upgrade"

    @model_validator(mode="after")
    def _deployed_as_something(self) -> Self:
        if (self.deployment is None) is not (self.build_id is None):
            raise ValueError("BACKBURNER_DEPLOYMENT and BACKBURNER_BUILD_ID need one another")
        return self


class TelemetrySettings(_Settings):
    """What operators see. Traces follow OpenTelemetry's own OTEL_EXPORTER_OTLP_ENDPOINT.

    Attributes:
        log_format: `json` for machines.
        metrics_host: Where a worker serves its metrics; the gateway has a route for them.
        metrics_port: Port of a worker's `/metrics`; None serves none.
        temporal_metrics_port: Port of the metrics of Temporal's SDK, in worker and gateway alike.
    """

    log_format: Literal["text", "json"] = "text"
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)
    temporal_metrics_port: int | None = Field(default=None, ge=1, le=65_535)


class GatewaySettings(_Settings):
    """The door.

    Attributes:
        environment: `production` refuses sample secrets and an open door.
        host: Address to listen on.
        port: Port to listen on.
        public_url: Prefix of the links in replies; None makes them relative.
        api_tokens: Bearer tokens and the tenant each one belongs to. Empty leaves the door open
            for the tenant `default`, which only development allows.
        openai_webhook_secrets: Signing secrets of OpenAI's webhooks, as a JSON list; two while one
            replaces the other. Empty refuses every webhook, and responses are polled.
        max_request_bytes: Largest JSON body.
        max_upload_bytes: Largest upload request.
        max_wait_seconds: Longest `Prefer: wait`.
        shortest_schedule_seconds: Schedules whose runs lie closer together are refused: each run
            costs money.
    """

    environment: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    api_tokens: dict[str, TenantName] = Field(default_factory=dict, repr=False)
    openai_webhook_secrets: tuple[SecretStr, ...] = ()
    max_request_bytes: int = 4 * 1024 * 1024
    max_upload_bytes: int = 512 * 1024 * 1024
    max_wait_seconds: int = 60
    shortest_schedule_seconds: int = Field(default=60, ge=1)

    @field_validator("openai_webhook_secrets")
    @classmethod
    def _are_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for each in secrets:
            check_secret(each.get_secret_value())
        return secrets

    @model_validator(mode="after")
    def _closed_in_production(self) -> Self:
        if self.environment == "production":
            if not self.api_tokens:
                raise ValueError("BACKBURNER_API_TOKENS is empty: production needs a closed door")
            if SAMPLE_SECRETS & self.api_tokens.keys():
                raise ValueError("BACKBURNER_API_TOKENS holds a sample secret")
            secrets = (each.get_secret_value() for each in self.openai_webhook_secrets)
            if not SAMPLE_SECRETS.isdisjoint(secrets):
                raise ValueError("BACKBURNER_OPENAI_WEBHOOK_SECRETS holds a sample secret")
        return self


class CallbackSettings(_Settings):
    """Telling others. The gateway and the workers need the same ones.

    Attributes:
        environment: As above; `production` refuses the sample key and callbacks over plain HTTP.
        public_url: As above; receivers fetch large results there.
        secret_keys: Keys that seal signing secrets in Postgres and sign links to results, as a JSON
            list: 32 random bytes each, in URL-safe base64. The first one seals, all of them open.
            The default is a sample.
        callback_networks: Private networks that callbacks may go to, as a JSON list of CIDR blocks;
            without it, only to public addresses.
        callback_ports: Ports that callbacks may go to, as a JSON list. None means 443 and 8443 in
            production, and any in development.
        callback_timeout: How long one attempt may take in all; from 0.1 s to 30 s.
        callback_pauses: Between one attempt and the next, as a JSON list; without any there is one
            attempt. Each is longer than nothing. By default 5 s, 5 and 30 min, 2, 5, 10, 14, 20 and
            24 h: ten attempts in 76 hours.
        callback_slots: Attempts that one worker makes at one receiver at the same time.
        concurrent_callbacks: Attempts that one worker makes at the same time in all.
        callback_disable_after: How long an endpoint may fail without one success before it is
            disabled; a minute or more.
        result_link_lifetime: How long the link to a large result in a callback works, and the link
            to a result in a notification; a minute or more.
        channels_file: TOML file with the channels of notifications; without it there are none.
    """

    environment: Literal["development", "production"] = "development"
    public_url: str | None = None
    secret_keys: tuple[SecretStr, ...] = Field(default_factory=lambda: (SecretStr(SAMPLE_KEY),))
    callback_networks: tuple[IPvAnyNetwork, ...] = ()
    callback_ports: tuple[int, ...] | None = None
    callback_timeout: timedelta = Field(
        default=timedelta(seconds=15), ge=timedelta(milliseconds=100), le=timedelta(seconds=30)
    )
    callback_pauses: tuple[Pause, ...] = Field(default_factory=lambda: PAUSES)
    callback_slots: int = Field(default=8, ge=1)
    concurrent_callbacks: int = Field(default=400, ge=1)
    callback_disable_after: timedelta = Field(default=timedelta(days=5), ge=timedelta(minutes=1))
    result_link_lifetime: timedelta = Field(default=timedelta(days=1), ge=timedelta(minutes=1))
    channels_file: Path | None = None

    @cached_property
    def channels(self) -> Channels:
        """Where people are told, as the file says."""
        if self.channels_file is None:
            return Channels()
        return Channels.read(self.channels_file.read_text(encoding="utf-8"))

    @property
    def url_policy(self) -> UrlPolicy:
        """Which URLs callbacks may go to."""
        production = self.environment == "production"
        ports = WEB_PORTS if production else None
        if self.callback_ports is not None:
            ports = frozenset(self.callback_ports)
        return UrlPolicy(https_only=production, ports=ports, networks=self.callback_networks)

    @field_validator("secret_keys")
    @classmethod
    def _are_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not keys:
            raise ValueError("BACKBURNER_SECRET_KEYS is empty")
        for each in keys:
            try:
                key = base64.urlsafe_b64decode(each.get_secret_value())
            except (binascii.Error, ValueError) as error:
                raise ValueError("a key is not URL-safe base64") from error
            if len(key) != KEY_BYTES:
                raise ValueError(f"a key does not have {KEY_BYTES} bytes")
        return keys

    @model_validator(mode="after")
    def _channels_make_sense(self) -> Self:
        try:
            _ = self.channels
        except (OSError, ValueError) as error:
            raise ValueError(f"BACKBURNER_CHANNELS_FILE cannot be used: {error}") from None
        return self

    @model_validator(mode="after")
    def _own_key_in_production(self) -> Self:
        keys = {each.get_secret_value() for each in self.secret_keys}
        if self.environment == "production" and SAMPLE_KEY in keys:
            raise ValueError("BACKBURNER_SECRET_KEYS holds the sample key")
        return self
