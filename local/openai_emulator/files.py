"""The endpoints under `/v1/files`: uploads kept in memory, and their text for the answers."""

import math
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import FormData, UploadFile

from activities.extraction.extract import extract
from jobs.errors import DocumentFailure
from jobs.kinds import HEAD_BYTES, TAIL_BYTES, recognise
from local.openai_emulator.errors import ApiError
from local.openai_emulator.paging import page_of

_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_SHORTEST_EXPIRY, _LONGEST_EXPIRY = 3600, 2_592_000
_BATCH_EXPIRY = 30 * 24 * 3600
_INPUT_PURPOSES = ("assistants", "user_data", "vision")
_LARGEST_INPUT = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One uploaded file."""

    id: str
    name: str
    purpose: str
    content: bytes
    text: str
    created_at: float
    expires_at: float

    def as_dict(self) -> dict[str, Any]:
        """Return the file as the API shows it."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": int(self.created_at),
            "expires_at": None if math.isinf(self.expires_at) else int(self.expires_at),
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


class FilesApi:
    """Create, list, retrieve and delete files."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._now = clock
        self._files: dict[str, StoredFile] = {}

    def clear(self) -> None:
        """Forget every file."""
        self._files.clear()

    def text_for(self, body: dict[str, Any]) -> str:
        """Return the text of the files that a create body names; what has no text is empty.

        Raises:
            ApiError: A file does not exist, or is not for reading, or they are too large (400).
        """
        named = [self._input(file_id) for file_id in _file_ids(body)]
        size = sum(len(each.content) for each in named)
        if size > _LARGEST_INPUT:
            message = f"The files of the input have {size} bytes, at most {_LARGEST_INPUT} fit."
            raise ApiError(400, message, param="input", code="file_too_large")
        return "\n\n".join(each.text for each in named if each.text)

    def _input(self, file_id: str) -> StoredFile:
        stored = self._find(file_id)
        if stored is None:
            message = f"The file {file_id!r} cannot be found."
            raise ApiError(400, message, param="input", code="file_not_found")
        if stored.purpose not in _INPUT_PURPOSES:
            message = f"The file {file_id!r} is for {stored.purpose!r}, not for reading."
            raise ApiError(400, message, param="input", code="invalid_file_purpose")
        return stored

    async def create(self, request: Request) -> Response:
        """Keep an upload."""
        async with request.form() as form:
            upload, purpose = form.get("file"), form.get("purpose")
            if not isinstance(upload, UploadFile):
                raise _missing("file")
            if not purpose:
                raise _missing("purpose")
            if purpose not in _PURPOSES:
                message = f"{purpose!r} is not one of {list(_PURPOSES)} - 'purpose'"
                raise ApiError(400, message, param="purpose", code="invalid_value")
            name, content = upload.filename or "upload", await upload.read()
            text = await _text(name, content)
            now = self._now()
            stored = StoredFile(
                id=f"file-{uuid.uuid4().hex[:24]}",
                name=name,
                purpose=str(purpose),
                content=content,
                text=text,
                created_at=now,
                expires_at=now + _lifetime(form),
            )
        self._files[stored.id] = stored
        return JSONResponse(stored.as_dict())

    async def list(self, request: Request) -> Response:
        """List the files, the newest first unless asked otherwise."""
        query = request.query_params
        kept = [each for each in self._files.values() if each.expires_at > self._now()]
        if query.get("purpose"):
            kept = [each for each in kept if each.purpose == query["purpose"]]
        if query.get("order", "desc") == "desc":
            kept.reverse()
        return JSONResponse(page_of([each.as_dict() for each in kept], query, usual=10_000))

    async def retrieve(self, request: Request) -> Response:
        """Describe a file."""
        return JSONResponse(self._asked(request).as_dict())

    async def content(self, request: Request) -> Response:
        """Return a file's bytes."""
        return Response(self._asked(request).content, media_type="application/octet-stream")

    async def delete(self, request: Request) -> Response:
        """Forget a file."""
        stored = self._asked(request)
        del self._files[stored.id]
        return JSONResponse({"id": stored.id, "object": "file", "deleted": True})

    def _asked(self, request: Request) -> StoredFile:
        file_id = request.path_params["file_id"]
        stored = self._find(file_id)
        if stored is None:
            raise ApiError(404, f"No such File object: {file_id}", param="id")
        return stored

    def _find(self, file_id: str) -> StoredFile | None:
        stored = self._files.get(file_id)
        return stored if stored and stored.expires_at > self._now() else None


def _lifetime(form: FormData) -> float:
    seconds = form.get("expires_after[seconds]")
    if seconds is None:
        return _BATCH_EXPIRY if form.get("purpose") == "batch" else math.inf
    text = str(seconds)
    if not text.isdecimal() or not _SHORTEST_EXPIRY <= int(text) <= _LONGEST_EXPIRY:
        message = f"'expires_after.seconds' must be from {_SHORTEST_EXPIRY} to {_LONGEST_EXPIRY}."
        raise ApiError(400, message, param="expires_after.seconds", code="invalid_value")
    return int(text)


def _missing(param: str) -> ApiError:
    message = f"Missing required parameter: {param!r}."
    return ApiError(400, message, param=param, code="missing_required_parameter")


def _file_ids(body: dict[str, Any]) -> Iterator[str]:
    said = body.get("input") or ""
    items = [] if isinstance(said, str) else said
    contents = [item.get("content") for item in items]
    variables = ((body.get("prompt") or {}).get("variables") or {}).values()
    parts = [part for content in contents if isinstance(content, list) for part in content]
    for part in [*parts, *variables]:
        if isinstance(part, dict) and part.get("file_id"):
            yield part["file_id"]


async def _text(name: str, content: bytes) -> str:
    """Read a file as a worker would: in a child process, unless it is plainly text."""
    kind = recognise(content[:HEAD_BYTES], content[-TAIL_BYTES:], name).kind
    if kind not in ("pdf", "docx"):
        return content.decode(errors="ignore") if kind else ""
    with tempfile.TemporaryDirectory(prefix="emulator-") as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        try:
            return (await extract(path, name=name)).text
        except DocumentFailure:
            return ""
