"""Claims about the object store: content has one key, and tenants see only their own."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.values import Tenant
from storage.objects import Objects, open_store

MINE, THEIRS = Tenant("mine"), Tenant("theirs")


@pytest.fixture(params=["file", "memory"])
def objects(request, tmp_path):
    url = (tmp_path / "ob jects").as_uri() if request.param == "file" else "memory:///"
    return Objects(open_store(url))


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=300))
async def test_content_comes_back_as_it_went(objects, content):
    key = await objects.put(MINE, "texts", content)
    assert await objects.get(MINE, key) == content
    assert b"".join([piece async for piece in objects.stream(MINE, key)]) == content


async def test_equal_content_has_one_key_and_other_content_another(objects):
    key = await objects.put(MINE, "texts", b"x")
    assert await objects.put(MINE, "texts", b"x") == key
    others = {
        await objects.put(MINE, "texts", b"y"),
        await objects.put(MINE, "results", b"x"),
        await objects.put(THEIRS, "texts", b"x"),
    }
    assert len(others | {key}) == 4


async def test_a_file_has_the_key_of_its_content(objects, tmp_path):
    content = b"page" * 50_000
    path = tmp_path / "file"
    path.write_bytes(content)
    key = await objects.put_file(MINE, "documents", path, hashlib.sha256(content).hexdigest())
    assert key == await objects.put(MINE, "documents", content)
    assert await objects.get(MINE, key) == content


async def read(objects, tenant, key):
    return await objects.get(tenant, key)


async def stream(objects, tenant, key):
    return [piece async for piece in objects.stream(tenant, key)]


@pytest.mark.parametrize("look", [read, stream])
async def test_a_missing_object_is_not_found(objects, look):
    with pytest.raises(FileNotFoundError):
        await look(objects, MINE, "mine/texts/ab/abc")


@pytest.mark.parametrize("look", [read, stream])
async def test_an_object_of_another_tenant_is_not_found(objects, look):
    key = await objects.put(THEIRS, "texts", b"secret")
    for tenant in (MINE, Tenant("their"), Tenant("")):
        with pytest.raises(FileNotFoundError):
            await look(objects, tenant, key)


@pytest.mark.parametrize("look", [read, stream])
@pytest.mark.parametrize(
    "road",
    [
        "mine/../{key}",
        "mine/texts/../../{key}",
        "mine//../{key}",
        "mine/./../{key}",
        "../{key}",
        "/{key}",
        "mine/%2e%2e/{key}",
        "mine/..\\{key}",
        "mine/../../secret",
    ],
)
async def test_no_road_leads_out_of_a_tenants_folder(objects, look, road, tmp_path):
    key = await objects.put(THEIRS, "texts", b"secret")
    (tmp_path / "secret").write_bytes(b"secret")
    with pytest.raises(FileNotFoundError):
        await look(objects, MINE, road.format(key=key))


async def test_deleting_again_changes_nothing(objects):
    key = await objects.put(MINE, "texts", b"x")
    await objects.delete(MINE, key)
    await objects.delete(MINE, key)
    with pytest.raises(FileNotFoundError):
        await objects.get(MINE, key)


async def test_deleting_another_tenants_object_leaves_it(objects):
    key = await objects.put(THEIRS, "texts", b"x")
    for each in (key, f"mine/../{key}"):
        await objects.delete(MINE, each)
    assert await objects.get(THEIRS, key) == b"x"


async def test_a_folder_goes_with_all_that_lies_in_it_and_nothing_else(objects):
    gone = [await objects.put(MINE, kind, b"x") for kind in ("d/1", "d/1/texts")]
    kept = [await objects.put(MINE, kind, b"x") for kind in ("d", "d/11", "e/d/1")]
    theirs = await objects.put(THEIRS, "d/1", b"x")
    for _ in range(2):
        await objects.delete_folder(MINE, "d/1")
    for each in gone:
        with pytest.raises(FileNotFoundError):
            await objects.get(MINE, each)
    for each in kept:
        assert await objects.get(MINE, each) == b"x"
    assert await objects.get(THEIRS, theirs) == b"x"


async def test_a_store_that_answers_passes_the_probe(objects):
    await objects.probe()
    await objects.probe()
