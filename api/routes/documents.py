"""Uploading documents and reading them back."""

import logging
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api import uploads
from api.gateway import GatewayIn, TenantIn
from api.paging import CursorIn, LimitIn, from_cursor, link_headers, refuse_unknown, to_cursor
from api.presenter import PresenterIn
from api.problems import documented
from api.streams import opened
from api.views import DocumentPage, DocumentView, Uploaded
from jobs.errors import ServiceUnavailable
from jobs.library import DocumentState
from jobs.values import DocumentId
from storage import documents

LOG = logging.getLogger(__name__)

router = APIRouter(prefix="/api/documents", tags=["documents"])

PAGING = {"limit", "cursor", "state"}

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [uploads.FIELD],
                    "properties": {
                        uploads.FIELD: {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                            "maxItems": uploads.MOST_FILES,
                        }
                    },
                }
            }
        },
    }
}


# The form is read inside, not declared: FastAPI would take in gigabytes before it asks for a token.
@router.post(
    "",
    status_code=201,
    summary="Upload documents",
    openapi_extra=_FORM,
    responses=documented(400, 401, 413, 415, 422, 503),
)
async def upload_documents(
    request: Request, gateway: GatewayIn, tenant: TenantIn, presenter: PresenterIn
) -> Uploaded:
    """Store 1 to 200 files, all of them or none."""
    async with uploads.received(request) as form:
        new = await uploads.store(gateway.db, gateway.objects, tenant, uploads.files_of(form))
    stored = await documents.insert_all(gateway.db, tenant, new)
    return Uploaded(documents=[presenter.document(each) for each in stored])


@router.get("", summary="List documents, newest first", responses=documented(400, 401, 503))
async def list_documents(
    request: Request,
    response: Response,
    gateway: GatewayIn,
    tenant: TenantIn,
    presenter: PresenterIn,
    state: Annotated[list[DocumentState] | None, Query(description="May be repeated.")] = None,
    limit: LimitIn = 20,
    cursor: CursorIn = None,
) -> DocumentPage:
    """Return a page of the tenant's documents, of some processing states or of all."""
    refuse_unknown(request, PAGING.__contains__)
    place = from_cursor(cursor)
    after = (place[0], DocumentId(place[1])) if place else None
    found = await documents.page(
        gateway.db, tenant, after=after, limit=limit + 1, states=state or ()
    )
    shown = found[:limit]
    following = to_cursor(shown[-1].created_at, shown[-1].id) if len(found) > limit else None
    response.headers.update(link_headers(request, presenter.prefix, following))
    return DocumentPage(documents=[presenter.document(each) for each in shown], next=following)


@router.get("/{document_id}", summary="Look at a document", responses=documented(401, 404, 503))
async def get_document(
    document_id: DocumentId, gateway: GatewayIn, tenant: TenantIn, presenter: PresenterIn
) -> DocumentView:
    """Return what is known of a document."""
    return presenter.document(await documents.get(gateway.db, tenant, document_id))


@router.get(
    "/{document_id}/content",
    summary="Download a document",
    response_model=None,
    responses={
        200: {
            "description": "The bytes as they were uploaded.",
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        },
        **documented(401, 404, 503),
    },
)
async def get_document_content(
    document_id: DocumentId, gateway: GatewayIn, tenant: TenantIn
) -> Response:
    """Return the bytes of a document, never to be shown by a browser."""
    found = await documents.get(gateway.db, tenant, document_id)
    pieces = await opened(gateway.objects.stream(tenant, found.object_key))
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
        "Content-Length": str(found.size_bytes),
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return StreamingResponse(pieces, headers=headers, media_type=found.media_type)


@router.delete(
    "/{document_id}",
    status_code=204,
    response_model=None,
    summary="Delete a document",
    responses=documented(401, 404, 503),
)
async def delete_document(document_id: DocumentId, gateway: GatewayIn, tenant: TenantIn) -> None:
    """Delete a document, its text and its bytes. Jobs that still need it will fail."""
    await documents.delete(gateway.db, tenant, document_id)
    try:
        await gateway.objects.delete_folder(tenant, documents.folder(document_id))
    except ServiceUnavailable:
        LOG.warning("the objects of document %s are left to maintenance", document_id)
