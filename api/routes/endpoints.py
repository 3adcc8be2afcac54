"""Endpoints: URLs that hear of all jobs of a tenant, each with a signing secret of its own."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request

from api.callback_bodies import EndpointBody, EndpointChange, Recovery, Rotation
from api.callback_views import (
    CallbackView,
    EndpointCreated,
    EndpointList,
    EndpointView,
    Recovered,
    SecretView,
    callback_view,
    endpoint_created,
    endpoint_view,
    secret_view,
)
from api.gateway import GatewayIn, TenantIn
from api.paging import refuse_unknown
from api.problems import documented
from api.submission import refuse_url
from jobs.errors import EndpointDisabled
from jobs.values import EndpointId
from storage import delivery_log, endpoints, secrets
from storage.endpoints import Endpoint

router = APIRouter(prefix="/api/endpoints", tags=["callbacks"])


@router.post(
    "",
    status_code=201,
    summary="Register an endpoint",
    responses=documented(400, 401, 409, 415, 422, 503),
)
async def create_endpoint(
    wanted: EndpointBody, gateway: GatewayIn, tenant: TenantIn
) -> EndpointCreated:
    """Have a URL told of the tenant's jobs; the reply holds the signing secret, this once."""
    refuse_url(gateway, wanted.url, "/url")
    endpoint = await endpoints.insert(gateway.db, tenant, wanted.wish)
    current, *_ = await secrets.signing(gateway.db, gateway.vault, tenant, endpoint.id)
    return endpoint_created(endpoint, current)


@router.get("", summary="List the endpoints", responses=documented(400, 401, 503))
async def list_endpoints(request: Request, gateway: GatewayIn, tenant: TenantIn) -> EndpointList:
    """Return all endpoints of the tenant, newest first."""
    refuse_unknown(request, lambda _: False)
    found = await endpoints.all_of(gateway.db, tenant)
    return EndpointList(endpoints=[endpoint_view(each) for each in found])


@router.get("/{endpoint_id}", summary="Look at an endpoint", responses=documented(401, 404, 503))
async def get_endpoint(
    endpoint_id: EndpointId, gateway: GatewayIn, tenant: TenantIn
) -> EndpointView:
    """Return an endpoint, without its secret."""
    return endpoint_view(await endpoints.get(gateway.db, tenant, endpoint_id))


@router.patch(
    "/{endpoint_id}",
    summary="Change an endpoint",
    responses=documented(400, 401, 404, 415, 422, 503),
)
async def change_endpoint(
    endpoint_id: EndpointId, wanted: EndpointChange, gateway: GatewayIn, tenant: TenantIn
) -> EndpointView:
    """Change what is given. Disabling ends what is on its way; enabling forgets past failures."""
    found = await endpoints.get(gateway.db, tenant, endpoint_id)
    change = wanted.change
    if change.url not in (None, found.url):
        refuse_url(gateway, change.url, "/url")
    return endpoint_view(await endpoints.change(gateway.db, tenant, endpoint_id, change))


@router.delete(
    "/{endpoint_id}",
    status_code=204,
    response_model=None,
    summary="Delete an endpoint",
    responses=documented(401, 404, 503),
)
async def delete_endpoint(endpoint_id: EndpointId, gateway: GatewayIn, tenant: TenantIn) -> None:
    """Delete an endpoint and its secrets. What is on its way is abandoned; the log stays."""
    await endpoints.delete(gateway.db, tenant, endpoint_id)


@router.post(
    "/{endpoint_id}/rotate-secret",
    summary="Replace the secret of an endpoint",
    responses=documented(400, 401, 404, 409, 415, 422, 503),
)
async def rotate_endpoint_secret(
    endpoint_id: EndpointId,
    gateway: GatewayIn,
    tenant: TenantIn,
    rotation: Rotation | None = None,
) -> SecretView:
    """Return a new secret, this once. Until the old one expires, both sign every callback."""
    await endpoints.get(gateway.db, tenant, endpoint_id)
    wanted = rotation or Rotation()
    signing = await secrets.rotate(
        gateway.db,
        gateway.vault,
        tenant,
        endpoint_id,
        overlap=wanted.overlap,
        force=wanted.force,
    )
    return secret_view(signing)


@router.post(
    "/{endpoint_id}/test",
    status_code=202,
    summary="Send an endpoint a test",
    responses=documented(401, 404, 409, 503),
)
async def test_endpoint(
    endpoint_id: EndpointId, gateway: GatewayIn, tenant: TenantIn
) -> CallbackView:
    """Have a callback of type `endpoint.test` sent; its log shows how the receiver answers."""
    endpoint = await _enabled(gateway, tenant, endpoint_id)
    data = {"endpoint": {"endpoint_id": str(endpoint.id), "url": endpoint.url}}
    return callback_view(await delivery_log.insert_test(gateway.db, tenant, endpoint, data))


@router.post(
    "/{endpoint_id}/recover",
    status_code=202,
    summary="Send again what an endpoint missed",
    responses=documented(400, 401, 404, 409, 415, 422, 503),
)
async def recover_endpoint(
    endpoint_id: EndpointId, span: Recovery, gateway: GatewayIn, tenant: TenantIn
) -> Recovered:
    """Send again what happened in a time and never reached the endpoint, under the same ids."""
    await _enabled(gateway, tenant, endpoint_id)
    until = datetime.now(UTC) if span.until == "now" else span.until
    count = await delivery_log.recover(gateway.db, tenant, endpoint_id, span.since, until)
    return Recovered(callbacks=count)


async def _enabled(gateway: GatewayIn, tenant: TenantIn, endpoint_id: EndpointId) -> Endpoint:
    endpoint = await endpoints.get(gateway.db, tenant, endpoint_id)
    if not endpoint.enabled:
        raise EndpointDisabled(f"endpoint {str(endpoint_id)!r} is disabled")
    return endpoint
