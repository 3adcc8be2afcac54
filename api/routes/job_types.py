"""What this installation can do."""

from fastapi import APIRouter

from api.gateway import GatewayIn, TenantIn
from api.problems import documented
from api.views import JobTypeList, JobTypeView
from jobs.errors import UnknownJobType
from jobs.registry import JobType

router = APIRouter(prefix="/api/job-types", tags=["job types"])


@router.get("", summary="List the job types", responses=documented(401))
async def list_job_types(gateway: GatewayIn, tenant: TenantIn) -> JobTypeList:
    """Return every job type with its schemas."""
    del tenant  # only whether there is one matters
    return JobTypeList(job_types=[_view(each) for each in gateway.job_types.values()])


@router.get("/{name}", summary="Look at a job type", responses=documented(401, 404))
async def get_job_type(name: str, gateway: GatewayIn, tenant: TenantIn) -> JobTypeView:
    """Return one job type with its schemas."""
    del tenant
    job_type = gateway.job_types.get(name)
    if job_type is None:
        raise UnknownJobType(f"no job type {name!r}")
    return _view(job_type)


def _view(job_type: JobType) -> JobTypeView:
    return JobTypeView(
        name=job_type.name,
        title=job_type.title,
        description=job_type.description,
        expected_seconds=round(job_type.expected.total_seconds()),
        deadline_seconds=round(job_type.deadline.total_seconds()),
        failure_modes=list(job_type.failure_modes),
        **job_type.schemas(),
    )
