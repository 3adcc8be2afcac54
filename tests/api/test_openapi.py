import pytest

from api.problems import MEDIA_TYPE

OPERATIONS = {
    ("post", "/api/jobs"): "submit_job",
    ("post", "/api/jobs/estimate"): "estimate_job",
    ("post", "/api/quick/{type}"): "run_quickly",
    ("get", "/api/jobs"): "list_jobs",
    ("get", "/api/jobs/{job_id}"): "get_job",
    ("get", "/api/jobs/{job_id}/result"): "get_result",
    ("get", "/api/jobs/{job_id}/events"): "follow_job",
    ("post", "/api/jobs/{job_id}/cancel"): "cancel_job",
    ("post", "/api/jobs/{job_id}/signals/{name}"): "signal_job",
    ("get", "/api/jobs/{job_id}/queries/{name}"): "query_job",
    ("get", "/api/approvals"): "list_approvals",
    ("get", "/api/jobs/{job_id}/approvals/{key}"): "get_approval",
    ("post", "/api/schedules"): "create_schedule",
    ("get", "/api/schedules"): "list_schedules",
    ("post", "/api/schedules/preview"): "preview_times",
    ("get", "/api/schedules/{schedule_id}"): "get_schedule",
    ("patch", "/api/schedules/{schedule_id}"): "change_schedule",
    ("delete", "/api/schedules/{schedule_id}"): "delete_schedule",
    ("post", "/api/schedules/{schedule_id}/pause"): "pause_schedule",
    ("post", "/api/schedules/{schedule_id}/resume"): "resume_schedule",
    ("post", "/api/schedules/{schedule_id}/trigger"): "trigger_schedule",
    ("post", "/api/schedules/{schedule_id}/backfill"): "backfill_schedule",
    ("get", "/api/schedules/{schedule_id}/preview"): "preview_schedule",
    ("post", "/api/documents"): "upload_documents",
    ("get", "/api/documents"): "list_documents",
    ("get", "/api/documents/{document_id}"): "get_document",
    ("get", "/api/documents/{document_id}/content"): "get_document_content",
    ("delete", "/api/documents/{document_id}"): "delete_document",
    ("get", "/api/job-types"): "list_job_types",
    ("get", "/api/job-types/{name}"): "get_job_type",
    ("post", "/api/openai/webhook"): "take_openai_event",
    ("post", "/api/endpoints"): "create_endpoint",
    ("get", "/api/endpoints"): "list_endpoints",
    ("get", "/api/endpoints/{endpoint_id}"): "get_endpoint",
    ("patch", "/api/endpoints/{endpoint_id}"): "change_endpoint",
    ("delete", "/api/endpoints/{endpoint_id}"): "delete_endpoint",
    ("post", "/api/endpoints/{endpoint_id}/rotate-secret"): "rotate_endpoint_secret",
    ("post", "/api/endpoints/{endpoint_id}/test"): "test_endpoint",
    ("post", "/api/endpoints/{endpoint_id}/recover"): "recover_endpoint",
    ("get", "/api/callbacks"): "list_callbacks",
    ("get", "/api/callbacks/{callback_id}"): "get_callback",
    ("post", "/api/callbacks/{callback_id}/redeliver"): "redeliver_callback",
    ("get", "/api/jobs/{job_id}/callbacks"): "list_job_callbacks",
    ("get", "/api/callback-secret"): "get_callback_secret",
    ("post", "/api/callback-secret/rotate"): "rotate_callback_secret",
    ("get", "/api/channels"): "list_channels",
    ("post", "/api/channels/{name}/test"): "try_channel",
    ("get", "/api/results/{token}"): "get_linked_result",
    ("get", "/livez"): "livez",
    ("get", "/metrics"): "metrics",
    ("get", "/readyz"): "readyz",
}


@pytest.fixture
async def document(api):
    return (await api.get("/openapi.json")).json()


def operations(document):
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def test_operation_ids_are_what_generated_clients_rely_on(document):
    found = {key: each["operationId"] for key, each in operations(document).items()}
    assert found == OPERATIONS


async def test_every_error_is_documented_as_a_problem(document):
    for operation in operations(document).values():
        assert operation["tags"]
        assert operation["summary"]
        assert "HTTPValidationError" not in str(operation)
        for status, response in operation["responses"].items():
            if status == "default" or status.startswith(("4", "5")):
                assert response["content"].keys() == {MEDIA_TYPE}


async def test_every_reference_leads_somewhere(document):
    schemas = document["components"]["schemas"]

    def references(node):
        if isinstance(node, dict):
            yield from [node["$ref"]] if "$ref" in node else []
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    found = {reference.rpartition("/")[2] for reference in references(document)}
    assert "Problem" in found
    assert found <= schemas.keys()


async def test_the_main_bodies_have_examples(document):
    names = "JobRequest JobAccepted JobView JobSummary DocumentView Problem"
    for name in (*names.split(), "ScheduleRequest", "ScheduleView"):
        assert document["components"]["schemas"][name]["examples"], name


async def test_the_door_is_described(document):
    assert document["components"]["securitySchemes"]
    assert operations(document)["post", "/api/jobs"]["security"]
    assert "security" not in operations(document)["get", "/livez"]
