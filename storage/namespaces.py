"""Reaching a Temporal namespace, and what it needs before jobs can run in it."""

from collections.abc import Sequence

from obstore.store import ObjectStore
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client, Interceptor
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from jobs.starting import SEARCH_ATTRIBUTES
from storage.payloads import data_converter

DEFAULT_ADDRESS = "127.0.0.1:7233"


async def connect_temporal(
    store: ObjectStore, *, lazy: bool = False, interceptors: Sequence[Interceptor] = ()
) -> Client:
    """Connect as Temporal's own environment variables or configuration file say.

    Args:
        store: Holds payloads too large for a history.
        lazy: Connect with the first request, so that a process can start while Temporal is away.
        interceptors: What carries traces along; a worker takes them over from its client.

    Raises:
        RuntimeError: Temporal cannot be reached.
    """
    connection = ClientConfig.load_client_connect_config()
    connection.setdefault("target_host", DEFAULT_ADDRESS)
    return await Client.connect(
        **connection,
        data_converter=data_converter(store),
        lazy=lazy,
        interceptors=interceptors,
    )


async def register_search_attributes(client: Client) -> None:
    """Register our search attributes; those that exist are left alone.

    Temporal Cloud does not let clients register them: there they are made once by hand, and a
    missing right is not an error here.
    """
    service = client.operator_service
    try:
        known = await service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        missing = {
            key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
            for key in SEARCH_ATTRIBUTES
            if key.name not in known.custom_attributes
        }
        if missing:
            await service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
    except RPCError as error:
        tolerable = {
            RPCStatusCode.ALREADY_EXISTS,
            RPCStatusCode.PERMISSION_DENIED,
            RPCStatusCode.UNIMPLEMENTED,
        }
        if error.status not in tolerable:
            raise
