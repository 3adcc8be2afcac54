"""Reads the secrets of channels, when they are needed: a file may be replaced at any time."""

from pydantic import SecretStr

from activities.notifying.sending import Unusable
from jobs.channels import Secret


def secret(wanted: Secret) -> str:
    """Return a secret.

    Raises:
        Unusable: Its file cannot be read.
    """
    if isinstance(wanted, SecretStr):
        return wanted.get_secret_value()
    try:
        return wanted.file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise Unusable(f"the secret in {str(wanted.file)!r} cannot be read") from error
