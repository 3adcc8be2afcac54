"""The object store: documents and values too large for a row, under keys hashed from content."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from jobs.errors import ServiceUnavailable
from jobs.values import Tenant

INLINE_BYTES = 128 * 1024
"""Larger values do not travel in rows or histories."""

NOWHERE = frozenset({"", ".", ".."})
"""Segments that no key of ours has; stores differ in what they make of them."""


def open_store(url: str) -> ObjectStore:
    """Open the store behind a file:, s3:, gs: or az: URL.

    Credentials of cloud stores come from their usual environment variables.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalStore(Path(unquote(parts.path)), mkdir=True)
    return from_url(url)


class Objects:
    """Write-once objects of tenants. Writing the same content again changes nothing.

    All methods raise `ServiceUnavailable` when the store does not answer.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, tenant: Tenant, kind: str, content: bytes) -> str:
        """Store content and return its key."""
        key = _key(tenant, kind, hashlib.sha256(content).hexdigest())
        with reaching_store():
            await obstore.put_async(self._store, key, content)
        return key

    async def put_file(self, tenant: Tenant, kind: str, path: Path, sha256: str) -> str:
        """Store a file, streaming it, and return its key."""
        key = _key(tenant, kind, sha256)
        with reaching_store():
            await obstore.put_async(self._store, key, path)
        return key

    async def get(self, tenant: Tenant, key: str) -> bytes:
        """Return an object's content.

        Raises:
            FileNotFoundError: There is none, or it belongs to another tenant.
        """
        with reaching_store():
            found = await obstore.get_async(self._store, _own(tenant, key))
            return bytes(await found.bytes_async())

    async def stream(self, tenant: Tenant, key: str) -> AsyncIterator[bytes]:
        """Yield an object's content piece by piece; raises as `get` does."""
        with reaching_store():
            found = await obstore.get_async(self._store, _own(tenant, key))
            async for piece in found.stream():
                yield bytes(piece)

    async def delete(self, tenant: Tenant, key: str) -> None:
        """Delete an object; deleting it again changes nothing."""
        try:
            with reaching_store():
                await obstore.delete_async(self._store, _own(tenant, key))
        except FileNotFoundError:
            return

    async def delete_folder(self, tenant: Tenant, folder: str) -> None:
        """Delete every object whose kind is a folder or lies within it."""
        with reaching_store():
            async for batch in obstore.list(self._store, f"tenants/{tenant}/{folder}/"):
                for each in batch:
                    await self.delete(tenant, each["path"])

    async def probe(self) -> None:
        """Make sure the store answers.

        Raises:
            ServiceUnavailable: It does not.
        """
        with reaching_store():
            await obstore.put_async(self._store, "probe", b"")


@contextmanager
def reaching_store() -> Iterator[None]:
    """Turn the trouble of a store into `ServiceUnavailable`; a missing object passes unchanged."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise ServiceUnavailable(f"the object store does not answer: {error}") from error


def _key(tenant: Tenant, kind: str, sha256: str) -> str:
    return f"tenants/{tenant}/{kind}/{sha256[:2]}/{sha256}"


def _own(tenant: Tenant, key: str) -> str:
    if not key.startswith(f"tenants/{tenant}/") or NOWHERE & set(key.split("/")):
        raise FileNotFoundError(key)
    return key
