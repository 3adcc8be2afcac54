"""Carries large Temporal payloads by reference: histories hold keys, the object store the bytes."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import obstore
from obstore.store import ObjectStore
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    ExternalStorage,
    SerializationContext,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)

from storage.objects import INLINE_BYTES, reaching_store
from storage.short_failures import ShortFailures


class ObjectStoreDriver(StorageDriver):
    """Keeps payloads under keys hashed from their content, so that a replay stores nothing new.

    A store that is away or full makes it raise `ServiceUnavailable`: Temporal then repeats the
    workflow task or the deed, and a gateway leaves the job to maintenance.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def name(self) -> str:
        """Return the name that stands in histories; changing it would orphan them."""
        return "backburner-objects"

    async def store(
        self, context: StorageDriverStoreContext, payloads: Sequence[Payload]
    ) -> list[StorageDriverClaim]:
        """Store each payload and return the claim that finds it again."""
        del context
        return [StorageDriverClaim({"key": await self._put(each)}) for each in payloads]

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """Fetch the payloads of claims made by `store`."""
        del context
        return [await self._get(each.claim_data["key"]) for each in claims]

    async def _put(self, payload: Payload) -> str:
        content = payload.SerializeToString(deterministic=True)
        key = f"payloads/{hashlib.sha256(content).hexdigest()}"
        with reaching_store():
            await obstore.put_async(self._store, key, content)
        return key

    async def _get(self, key: str) -> Payload:
        with reaching_store():
            found = await obstore.get_async(self._store, key)
            return Payload.FromString(bytes(await found.bytes_async()))


CACHED_TYPES = 128
"""Types whose (de)serializers are kept. Those of plug-ins are made anew in each sandbox, and would
keep it from being freed."""


class SharedConverter(PydanticPayloadConverter):
    """The same converter each time one is made.

    Where payloads may lie outside of histories the SDK makes one per deed, whose cache of types
    would be empty.
    """

    _only: ClassVar["SharedConverter | None"] = None

    def __new__(cls) -> "SharedConverter":
        """Return the only one."""
        if SharedConverter._only is None:
            SharedConverter._only = super().__new__(cls)
            PydanticPayloadConverter.__init__(
                SharedConverter._only, max_cached_type_adapters=CACHED_TYPES
            )
        return SharedConverter._only

    def __init__(self) -> None:
        """Leave it as it is."""

    def with_context(self, context: SerializationContext) -> "SharedConverter":
        """Return the only one: nothing in it depends on where it is used."""
        del context
        return self


def data_converter(store: ObjectStore) -> DataConverter:
    """Return what gateway and workers share: pydantic values, large ones by key, short failures."""
    return replace(
        pydantic_data_converter,
        payload_converter_class=SharedConverter,
        failure_converter_class=ShortFailures,
        external_storage=ExternalStorage(
            drivers=[ObjectStoreDriver(store)], payload_size_threshold=INLINE_BYTES
        ),
    )
