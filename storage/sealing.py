"""Sealing secrets before they are stored, so that a dump of the database gives none away."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from jobs.errors import ServiceUnavailable


class Vault:
    """Seals and opens secrets (Fernet: AES-128-CBC with HMAC-SHA256).

    Args:
        keys: 32 bytes each in URL-safe base64. The first one seals, all of them open, so that keys
            can be replaced: put the new one in front and drop the old one once nothing needs it.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, secret: str) -> str:
        """Return a secret in the form in which it may be stored."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return what was sealed.

        Raises:
            ServiceUnavailable: It was sealed with a key that we were not given.
        """
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            reason = "BACKBURNER_SECRET_KEYS lacks the key that a signing secret was sealed with"
            raise ServiceUnavailable(reason) from error
