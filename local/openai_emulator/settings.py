"""What the emulator is told when it starts, and what the admin API may change while it runs."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from local.openai_emulator.scripts import WebhookMode


class Dialect(BaseModel):
    """Say how a compatible server differs from OpenAI; the defaults are OpenAI's own manners.

    `background` is `refused` by servers that answer 400 to `background=true` and `ignored` by
    those that reply only when the response has finished. `missing_status` answers what OpenAI
    answers with 404. With `rewritten_ids` a retrieve names another id than the create did, and
    both ids are good.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    background: Literal["offered", "refused", "ignored"] = "offered"
    missing_status: Literal[400, 404, 409] = 404
    cancel_ended_status: Literal[200, 400, 409] = 200
    rewritten_ids: bool = False
    usage_details: bool = True
    webhooks: bool = True


class Tuning(BaseModel):
    """Set what holds for every response whose script does not say otherwise.

    `latency_seconds` is the usual time from acceptance to a finished response; each hour of a
    discounted completion window adds `window_factor` times as much. `expire_seconds` is how long
    an unstored background response outlives its end. A webhook is retried after
    `webhook_retry_seconds`, then at doubling intervals.
    """

    model_config = ConfigDict(extra="forbid")

    latency_seconds: float = Field(default=2.0, ge=0, le=86_400)
    window_factor: float = Field(default=1.0, ge=0)
    lag_seconds: float = Field(default=0.0, ge=0)
    # OpenAI keeps unstored background responses for about ten minutes, so that they can be polled.
    expire_seconds: float = Field(default=600.0, ge=0)
    webhook: WebhookMode = "normal"
    webhook_delay_seconds: float = Field(default=1.0, ge=0)
    webhook_retry_seconds: float = Field(default=1.0, gt=0)
    webhook_timeout_seconds: float = Field(default=15.0, gt=0)
    requests_per_minute: int = Field(default=10_000, ge=1)
    tokens_per_minute: int = Field(default=30_000_000, ge=1)
    enforce_rate_limits: bool = False
    dialect: Dialect = Dialect()

    def change(self, changes: dict[str, Any]) -> None:
        """Change some of the settings in place, or none of them if one is wrong.

        Raises:
            pydantic.ValidationError: A name or a value is wrong.
        """
        changed = Tuning.model_validate(self.model_dump() | changes)
        for name in Tuning.model_fields:
            setattr(self, name, getattr(changed, name))


class EmulatorSettings(Tuning):
    """Configure one emulator process."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8070, ge=0, le=65535)

    def tuning(self) -> Tuning:
        """Return a changeable copy of what may change while the emulator runs."""
        return Tuning.model_validate(self.model_dump(include=set(Tuning.model_fields)))
