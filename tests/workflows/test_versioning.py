"""Worker versioning is off by default; with it on, jobs stay or move as the setting says."""

import uuid

import pytest
from pydantic import ValidationError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkflowExecutionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.service import RPCError, RPCStatusCode

import worker
from jobs.queues import Queue
from jobs.status import JobStatus
from jobs.values import JobId
from settings import WorkerSettings
from tests.installation import Installation, eventually, serving
from tests.workflows import job_types  # noqa: F401 # declares them
from tests.workflows.looking import agreed, tell

APPROVED = {"approved": True, "by": "Ada"}


@pytest.fixture
def deployment() -> str:
    return f"d-{uuid.uuid4().hex[:12]}"


def settings(deployment: str, build_id: str, **more: str) -> WorkerSettings:
    return WorkerSettings.model_validate(
        {"deployment": deployment, "build_id": build_id, "graceful_shutdown": 1, **more}
    )


async def known(bare: Installation, deployment: str) -> WorkerDeploymentInfo:
    """Return what Temporal knows of a deployment; nothing of one it has not heard of."""
    request = DescribeWorkerDeploymentRequest(
        namespace=bare.client.namespace, deployment_name=deployment
    )
    try:
        found = await bare.client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return WorkerDeploymentInfo()
        raise
    return found.worker_deployment_info


def builds(info: WorkerDeploymentInfo) -> set[str]:
    return {each.deployment_version.build_id for each in info.version_summaries}


async def make_current(bare: Installation, deployment: str, build_id: str) -> None:
    """Let a version take new jobs, and wait until all partitions of the queues know of it."""
    await eventually(lambda: known(bare, deployment), lambda info: build_id in builds(info))
    await bare.client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=bare.client.namespace,
            deployment_name=deployment,
            build_id=build_id,
            identity="test",
            ignore_missing_task_queues=True,
        )
    )
    told_all = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED
    await eventually(
        lambda: known(bare, deployment), lambda info: info.routing_config_update_state == told_all
    )


async def ran_on(bare: Installation, job_id: JobId) -> str:
    """Return the version that carried a job's last step."""
    found = await bare.client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=bare.client.namespace, execution=WorkflowExecution(workflow_id=str(job_id))
        )
    )
    return found.workflow_execution_info.versioning_info.deployment_version.build_id


async def waits(bare: Installation, job_id: JobId) -> None:
    await eventually(lambda: bare.job(job_id), lambda row: row.waiting_for)


def test_a_deployment_needs_a_build_id_and_a_build_id_a_deployment():
    for lonely in ({"deployment": "a"}, {"build_id": "1"}, {"deployment": "a.b", "build_id": "1"}):
        with pytest.raises(ValidationError):
            WorkerSettings.model_validate(lonely)


async def test_versioning_is_off_unless_a_deployment_is_named(house: Installation):
    assert house.deeds is not None
    for chosen, expected in ((WorkerSettings(), None), (settings("d", "1"), "d.1")):
        served = worker.workers(
            house.client,
            house.deeds,
            dict(house.job_types),
            tuple(Queue),
            base="never-polled",
            settings=chosen,
        )
        for each in served:
            config = each.config(active_config=False)["deployment_config"]
            assert (config and config.version.to_canonical_string()) == expected


async def test_a_versioned_worker_runs_jobs_once_its_version_is_current(
    bare: Installation, deployment: str
):
    async with serving(bare, settings(deployment, "1")):
        text = "The pilot ran for six weeks."
        early = await bare.submit("summarize_text", {"text": text})
        await eventually(lambda: known(bare, deployment), builds)
        assert (await bare.job(early)).status is JobStatus.PENDING
        await make_current(bare, deployment, "1")
        late = await bare.submit("summarize_text", {"text": text})
        for job_id in (early, late):
            assert (await agreed(bare, job_id)).status is JobStatus.SUCCEEDED
            assert await ran_on(bare, job_id) == "1"


@pytest.mark.parametrize(("versioning", "ended_on"), [("pinned", "1"), ("auto_upgrade", "2")])
async def test_a_job_stays_with_its_version_or_moves_to_the_next(
    bare: Installation, deployment: str, versioning: str, ended_on: str
):
    async with serving(bare, settings(deployment, "1", versioning=versioning)):
        await make_current(bare, deployment, "1")
        old = await bare.submit("test_approvals", {"prompts": ["One."]})
        await waits(bare, old)
        async with serving(bare, settings(deployment, "2", versioning=versioning)):
            await make_current(bare, deployment, "2")
            new = await bare.submit("test_approvals", {"prompts": ["Two."]})
            await waits(bare, new)
            for job_id in (old, new):
                await tell(bare, job_id, "decide", APPROVED)
                assert (await agreed(bare, job_id)).status is JobStatus.SUCCEEDED
            assert await ran_on(bare, old) == ended_on
            assert await ran_on(bare, new) == "2"
