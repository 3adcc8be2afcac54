import asyncio
import dataclasses
import hashlib
import logging
from dataclasses import dataclass, field

import pytest

from api.uploads import safe_name
from jobs import kinds
from jobs.errors import ServiceUnavailable
from jobs.library import DocumentOfJob
from jobs.model import Failure
from jobs.status import JobStatus
from storage.document_states import begin
from storage.documents import folder
from storage.objects import Objects
from tests.api.conftest import assert_problem, ended, ref, served, submitted, with_settings
from tests.extraction.office import docx
from tests.installation import eventually

NOBODY = "019ab2c4-5d6e-7f80-9123-456789abcdef"


def file(name, content, media_type="text/plain"):
    return ("files", (name, content, media_type))


async def uploaded(api, *files):
    reply = await api.post("/api/documents", files=list(files))
    assert reply.status_code == 201, reply.text
    return reply.json()["documents"]


async def test_uploaded_files_come_back_as_they_were(api):
    large = bytes(range(256)) * 8_000
    documents = await uploaded(
        api, file("notes.md", b"# Notes", "text/markdown"), file("größe €.bin", large, "x/y; a=b")
    )
    assert [each["name"] for each in documents] == ["notes.md", "größe €.bin"]
    assert documents[1]["size_bytes"] == len(large)
    assert documents[1]["sha256"] == hashlib.sha256(large).hexdigest()
    content = await api.get(documents[1]["links"]["content"])
    assert content.content == large
    assert content.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%E2%82%AC.bin"
    )
    assert content.headers["x-content-type-options"] == "nosniff"
    assert (await api.get(documents[0]["links"]["self"])).json() == documents[0]


async def test_documents_are_listed_page_by_page_and_deleted(api):
    documents = await uploaded(api, *(file(f"{n}.txt", b"same bytes") for n in range(5)))
    first = (await api.get("/api/documents", params={"limit": 3})).json()
    rest = (await api.get("/api/documents", params={"limit": 3, "cursor": first["next"]})).json()
    ids = [each["document_id"] for each in first["documents"] + rest["documents"]]
    assert sorted(ids) == sorted(each["document_id"] for each in documents)
    assert rest["next"] is None
    for each in documents[:-1]:
        assert (await api.delete(each["links"]["self"])).status_code == 204
        assert_problem(await api.get(each["links"]["self"]), 404, "document_not_found")
    # Though the bytes were the same.
    assert (await api.get(documents[-1]["links"]["content"])).content == b"same bytes"
    assert (await api.delete(documents[-1]["links"]["self"])).status_code == 204
    assert_problem(await api.delete(documents[-1]["links"]["self"]), 404, "document_not_found")


def objects_in(place):
    return [each for each in (place / "objects").rglob("documents/**/*") if each.is_file()]


@dataclass
class PausedObjects(Objects):
    """Stores a file and then does not answer until it may."""

    inner: Objects
    stored: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self):
        super().__init__(self.inner._store)

    async def put_file(self, *args):
        key = await super().put_file(*args)
        self.stored.set()
        await self.go_on.wait()
        return key


async def test_an_upload_survives_the_delete_of_the_same_bytes_at_the_same_time(api, gateway):
    """With one object for equal bytes, the delete took it from under the upload."""
    [older] = await uploaded(api, file("old", b"same bytes"))
    paused = PausedObjects(gateway.objects)
    async with (
        served(dataclasses.replace(gateway, objects=paused)) as slow,
        asyncio.TaskGroup() as group,
    ):
        upload = group.create_task(uploaded(slow, file("new", b"same bytes")))
        await paused.stored.wait()
        assert (await api.delete(older["links"]["self"])).status_code == 204
        paused.go_on.set()
        [newer] = await upload
    assert (await api.get(newer["links"]["content"])).content == b"same bytes"


async def test_deleting_a_document_deletes_every_object_of_it(api, gateway, tmp_path):
    [document, kept] = await uploaded(api, file("a.txt", b"a"), file("b.txt", b"a"))
    of_document = f"{folder(document['document_id'])}/texts"
    await gateway.objects.put("default", of_document, b"text found in it")
    assert len(objects_in(tmp_path)) == 3
    await api.delete(document["links"]["self"])
    assert [kept["document_id"] in each.parts for each in objects_in(tmp_path)] == [True]


async def test_a_delete_the_object_store_does_not_hear_of_is_left_to_maintenance(gateway):
    class Away(Objects):
        async def delete_folder(self, *_):
            raise ServiceUnavailable

    away = dataclasses.replace(gateway, objects=Away(gateway.objects._store))
    async with served(away) as api:
        [document] = await uploaded(api, file("a.txt", b"a"))
        assert (await api.delete(document["links"]["self"])).status_code == 204
    owed = await gateway.db.fetchval("SELECT document_id FROM erasures")
    assert str(owed) == document["document_id"]


async def test_documents_show_their_state_and_the_job_that_processed_them(api, gateway):
    fresh, bad = await uploaded(api, file("a.txt", b"a"), file("b.txt", b"b"))
    assert (fresh["state"], fresh["job_id"], fresh["links"]["job"]) == ("pending", None, None)
    body = {"type": "process_document", "payload": {"document_id": bad["document_id"]}}
    job_id = await submitted(api, body)
    await begin(gateway.db, DocumentOfJob(job=ref(job_id), document_id=bad["document_id"]))

    shown = (await api.get(bad["links"]["self"])).json()
    assert (shown["state"], shown["job_id"]) == ("processing", str(job_id))
    failure = Failure(code="document_encrypted", message="It is locked.")
    await ended(gateway, job_id, JobStatus.FAILED, failure=failure)
    shown = (await api.get(bad["links"]["self"])).json()
    assert (shown["state"], shown["error"]["code"]) == ("failed", "document_encrypted")
    assert shown["links"]["job"] == f"/api/jobs/{job_id}"

    async def listed(**params):
        reply = await api.get("/api/documents", params=params)
        return [each["document_id"] for each in reply.json()["documents"]]

    assert await listed(state="pending") == [fresh["document_id"]]
    assert await listed(state=["pending", "failed"]) == await listed()
    assert await listed(state="processed") == []
    reply = await api.get("/api/documents", params={"state": "done"})
    assert_problem(reply, 400, "invalid_request")


async def test_an_upload_with_an_empty_file_stores_nothing(api):
    reply = await api.post("/api/documents", files=[file("a", b"a"), file("b", b"")])
    problem = assert_problem(reply, 422, "document_empty")
    assert problem["errors"] == [{"pointer": "/files/1", "detail": "'b' has no bytes"}]
    assert (await api.get("/api/documents")).json()["documents"] == []


async def test_an_upload_that_is_none_is_refused(api):
    assert_problem(await api.post("/api/documents", json={}), 415, "unsupported_media_type")
    for files in ([("other", ("a", b"a"))], [("files", (None, b"a"))]):
        assert_problem(await api.post("/api/documents", files=files), 422, "invalid_payload")
    many = [file("a", b"a")] * 201
    assert_problem(await api.post("/api/documents", files=many), 400, "invalid_request")
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        reply = await api.post(
            "/api/documents", content=b"garbage", headers={"Content-Type": content_type}
        )
        assert_problem(reply, 400, "invalid_request")


@pytest.mark.parametrize(
    ("charset", "status"), [("undefined", 400), ("punycode", 400), ("hex", 201), ("nothing", 201)]
)
async def test_no_charset_breaks_an_upload(api, charset, status):
    content = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\na\r\n'
        b"--x--\r\n"
    )
    headers = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    reply = await api.post("/api/documents", content=content, headers=headers)
    assert reply.status_code == status, reply.text


async def test_a_sender_that_hangs_up_is_no_defect(api, caplog):
    caplog.set_level(logging.INFO, "api")
    _, writer = await asyncio.open_connection(api.base_url.host, api.base_url.port)
    writer.write(
        b"POST /api/documents HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    await writer.drain()
    writer.close()

    async def told():
        return [each for each in caplog.records if each.name == "api.problems"]

    [record] = await eventually(told, bool)
    assert record.levelno == logging.INFO
    assert "the connection ended before the body" in record.getMessage()


async def test_three_gigabytes_are_refused_before_they_are_sent(api):
    reader, writer = await asyncio.open_connection(api.base_url.host, api.base_url.port)
    writer.write(
        b"POST /api/documents HTTP/1.1\r\nHost: x\r\nContent-Length: 3221225472\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    reply = await reader.readuntil(b"}")
    writer.close()
    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in reply
    assert b'"code":"request_too_large"' in reply


async def test_an_upload_that_grows_too_large_is_cut_off(api):
    async def pieces():
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(50):
            yield b"a" * 65_536

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = await api.post("/api/documents", content=pieces(), headers=headers)
    assert_problem(reply, 413, "request_too_large")


async def test_a_stranger_is_refused_before_the_upload_is_read(gateway):
    async with served(with_settings(gateway, api_tokens={"token": "tenant"})) as api:
        reader, writer = await asyncio.open_connection(api.base_url.host, api.base_url.port)
        writer.write(
            b"POST /api/documents HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        line = await reader.readline()
        writer.close()
    assert line.startswith(b"HTTP/1.1 401 ")


async def test_an_unknown_document_is_404(api):
    for path in (f"/{NOBODY}", f"/{NOBODY}/content", "/x"):
        assert_problem(await api.get(f"/api/documents{path}"), 404, "document_not_found")


async def test_a_document_whose_bytes_are_gone_is_an_honest_500(api, gateway):
    [document] = await uploaded(api, file("a.txt", b"a"))
    key = await gateway.db.fetchval("SELECT object_key FROM documents")
    await gateway.objects.delete("default", key)
    assert_problem(await api.get(document["links"]["content"]), 500, "internal_error")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\docs\\a.pdf", "a.pdf"),
        ("..", "document"),
        ("", "document"),
        ("a\0b\r\nc\x7f\u202e.txt", "abc.txt"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
def test_a_file_name_is_reduced_to_a_plain_one(sent, kept):
    assert safe_name(sent) == kept


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("report.txt", b"%PDF-1.7\n", "application/pdf"),
        ("a.pdf", docx(""), kinds.DOCX_FILE.media_type),
        ("a", b"<!doctype html><p>Hi", "text/html"),
        ("a.csv", b"a;b\n1;2\n", "text/csv"),
        ("a.md", b"# Hi", "text/markdown"),
        ("a.jpg", b"Hi", "text/plain"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.docx", b"PK\x05\x06" + bytes(18), "application/zip"),
        ("a.txt", bytes(range(256)), "application/octet-stream"),
    ],
)
async def test_a_media_type_is_what_the_content_says(api, name, content, media_type):
    [document] = await uploaded(api, file(name, content, "application/x-claimed"))
    assert document["media_type"] == media_type
