"""The provider's files, as the deeds see them: upload, look up, delete. Nothing here retries."""

import mimetypes
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import IO

import httpx2
import openai
from openai.types import FileObject

from activities import failures
from activities.provider import CONNECT_TIMEOUT_SECONDS, MISSING
from jobs.errors import ProviderFailure
from jobs.fingerprints import fingerprint


@dataclass(frozen=True)
class Uploaded:
    """A file at the provider."""

    file_id: str
    expires_at: datetime


class ProviderFiles:
    """A thin shell around the SDK's client.

    Attributes:
        account: Whose files these are. The key is not part of it, so that changing the key of a
            project keeps its files.
    """

    def __init__(
        self, client: openai.AsyncOpenAI, *, lifetime: timedelta, upload_timeout_seconds: float
    ) -> None:
        self._client = client
        self._lifetime = lifetime
        self._timeout = httpx2.Timeout(upload_timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS)
        self.account = fingerprint([str(client.base_url), client.organization, client.project])

    async def upload(self, file: IO[bytes], *, name: str, media_type: str) -> Uploaded:
        """Upload a file that expires by itself. If the reply is lost, nobody will know its id.

        Raises:
            ProviderFailure: It could not be uploaded; uploading again is safe.
        """
        until = datetime.now(UTC) + self._lifetime
        try:
            stored = await self._client.files.create(
                file=(_telling(name, media_type), file, media_type),
                purpose="user_data",
                expires_after={
                    "anchor": "created_at",
                    "seconds": int(self._lifetime.total_seconds()),
                },
                timeout=self._timeout,
            )
        except openai.APIError as error:
            raise failures.of_request(error) from error
        except ValueError as error:
            raise ProviderFailure(f"the reply cannot be read: {error}") from error
        return Uploaded(_id_of(stored), until)

    async def exists(self, file_id: str) -> bool:
        """Tell whether the provider has a file.

        Raises:
            ProviderFailure: It did not say.
        """
        try:
            await self._client.files.retrieve(file_id)
        except MISSING:
            return False
        except openai.APIError as error:
            raise failures.of_request(error) from error
        return True

    async def delete(self, file_id: str) -> None:
        """Delete a file; one that is gone already is fine.

        Raises:
            ProviderFailure: It could not be deleted; deleting again is safe.
        """
        try:
            await self._client.files.delete(file_id)
        except openai.NotFoundError:
            return
        except openai.APIError as error:
            raise failures.of_request(error) from error


def _id_of(answer: object) -> str:
    """Return the id of what the provider sent: the SDK passes on any body of a 2xx."""
    file_id = getattr(answer, "id", None)
    if isinstance(answer, FileObject) and isinstance(file_id, str) and file_id:
        return file_id
    raise ProviderFailure(f"the reply is not a file but {str(answer)[:100]!r}")


def _telling(name: str, media_type: str) -> str:
    """Return a name that says what the file is: OpenAI tells kinds apart by the ending."""
    if PurePath(name).suffix:
        return name
    return name + (mimetypes.guess_extension(media_type) or "")
