"""Files on their way in: received within bounds, hashed, stored."""

import hashlib
import re
import tempfile
import time
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect

from api.problems import Refusal
from jobs.errors import DocumentEmpty, InvalidPayload, InvalidRequest, UnsupportedMediaType
from jobs.ids import uuid7
from jobs.kinds import recognise_file
from jobs.values import DocumentId, Tenant
from storage import erasures
from storage.database import Database
from storage.documents import NewDocument, folder
from storage.objects import Objects

FIELD = "files"
MOST_FILES = 200
MOST_FIELDS = 10
LONGEST_NAME = 255
PIECE = 1024 * 1024

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[FormData]:
    """Read the form, large files to disk on their way, and forget them in the end.

    Raises:
        UnsupportedMediaType: It is not multipart/form-data.
        InvalidRequest: Its charset cannot be read, or the sender hung up.
        HTTPException: It is malformed, or has too many files.
    """
    media_type, _, _ = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "multipart/form-data":
        raise UnsupportedMediaType("files are uploaded as multipart/form-data")
    form = await _form(request)
    try:
        yield form
    finally:
        await form.close()


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS)
    except UnicodeError:
        # Python has codecs, such as `undefined`, whose errors Starlette does not expect.
        raise InvalidRequest("the names of the form are not in its charset") from None
    except ClientDisconnect:
        raise InvalidRequest("the connection ended before the body") from None


def files_of(form: FormData) -> list[UploadFile]:
    """Return the files of a form.

    Raises:
        InvalidPayload: There is none, or something else.
        Refusal: A file is empty.
    """
    files = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
    if not files or {name for name, _ in form.multi_items()} != {FIELD}:
        raise InvalidPayload(f"send 1 to {MOST_FILES} files, each in a field named {FIELD!r}")
    if len(files) != len(form.multi_items()):
        raise InvalidPayload(f"a field {FIELD!r} is not a file: it has no filename")
    empty = [index for index, each in enumerate(files) if not each.size]
    if empty:
        found = [
            {"pointer": f"/{FIELD}/{index}", "detail": f"{files[index].filename!r} has no bytes"}
            for index in empty
        ]
        raise Refusal(DocumentEmpty("there are files without bytes"), errors=found)
    return files


async def store(
    db: Database, objects: Objects, tenant: Tenant, files: Sequence[UploadFile]
) -> list[NewDocument]:
    """Put the bytes of each file into the object store, one at a time.

    They are erased again if they do not become documents.
    """
    # Sorted: documents of one upload are listed in the order of their ids.
    ids = sorted(DocumentId(uuid7(time.time_ns() // 1_000_000)) for _ in files)
    await erasures.foresee(db, tenant, ids)
    return [await _store(objects, tenant, *each) for each in zip(ids, files, strict=True)]


async def _store(
    objects: Objects, tenant: Tenant, document_id: DocumentId, upload: UploadFile
) -> NewDocument:
    name = safe_name(upload.filename or "")
    with tempfile.NamedTemporaryFile(prefix="backburner-upload-") as spilled:
        size, sha256 = await run_in_threadpool(_spill, upload.file, spilled.file)
        # By its content: what the client declares decides nothing, so nothing is kept of it.
        recognised = await run_in_threadpool(recognise_file, spilled.file, name)
        key = await objects.put_file(tenant, folder(document_id), Path(spilled.name), sha256)
    return NewDocument(
        id=document_id,
        name=name,
        media_type=recognised.media_type,
        size_bytes=size,
        sha256=sha256,
        object_key=key,
    )


def _spill(source: IO[bytes], target: IO[bytes]) -> tuple[int, str]:
    """Copy an upload to a file with a name, which the object store needs to stream it."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(PIECE):
        digest.update(piece)
        target.write(piece)
        size += len(piece)
    target.flush()
    return size, digest.hexdigest()


def safe_name(name: str) -> str:
    """Reduce what a client calls its file to a plain file name of at most 255 characters."""
    visible = "".join(
        character
        for character in unicodedata.normalize("NFC", name)
        if unicodedata.category(character) not in _INVISIBLE
    )
    base = re.split(r"[/\\]", visible)[-1].strip()
    if not base.strip("."):
        return "document"
    suffix = PurePosixPath(base).suffix[:20]
    return base if len(base) <= LONGEST_NAME else base[: LONGEST_NAME - len(suffix)] + suffix
