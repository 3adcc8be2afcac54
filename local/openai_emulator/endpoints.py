"""A webhook endpoint: where events go, which ones, and the secrets that sign them."""

from dataclasses import dataclass, field
from typing import Any

from local.openai_emulator.signing import new_secret

_OVERLAP_SECONDS = 24 * 3600


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """One registered endpoint; `old_secret` still signs until `old_secret_until`."""

    id: str
    name: str
    url: str
    event_types: list[str]
    created_at: float
    updated_at: float
    secret: str = field(default_factory=new_secret)
    old_secret: str | None = None
    old_secret_until: float = 0.0

    def secrets(self, now: float) -> list[str]:
        """Return the secrets that sign at this moment, the newest first."""
        if self.old_secret is None or now >= self.old_secret_until:
            return [self.secret]
        return [self.secret, self.old_secret]

    def rotate(self, now: float, *, keep_old: bool) -> None:
        """Take a new secret; the old one signs too for another day if it is kept."""
        self.old_secret = self.secret if keep_old else None
        self.old_secret_until = now + _OVERLAP_SECONDS
        self.secret = new_secret()
        self.updated_at = now

    def change(self, changes: dict[str, Any], now: float) -> None:
        """Change what is named; a change to the same values is none."""
        if any(getattr(self, name) != value for name, value in changes.items()):
            self.updated_at = now
        for name, value in changes.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return the endpoint as the API shows it, without its secret."""
        return {
            "id": self.id,
            "object": "webhook_endpoint",
            "created_at": int(self.created_at),
            "updated_at": int(self.updated_at),
            "name": self.name,
            "url": self.url,
            "event_types": self.event_types,
            "signing_secret_hint": f"whsec_...{self.secret[-4:]}",
        }

    def as_dict_with_secret(self) -> dict[str, Any]:
        """Return the endpoint as the API shows it once, when its secret is new."""
        return self.as_dict() | {"signing_secret": self.secret}
