"""What the start of a job's workflow looks like, whoever starts it: the door or a parent."""

from datetime import timedelta

from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
)

from jobs.model import JobRef
from jobs.options import JobOptions
from jobs.registry import JobType
from jobs.values import JobId

JOB_TYPE = SearchAttributeKey.for_keyword("JobType")
JOB_TENANT = SearchAttributeKey.for_keyword("JobTenant")
PARENT_JOB = SearchAttributeKey.for_keyword("ParentJob")
SEARCH_ATTRIBUTES = (JOB_TYPE, JOB_TENANT, PARENT_JOB)

BACKSTOP = timedelta(hours=1)
"""Temporal itself ends a workflow this long after its deadline; by then its own clean-up failed."""


def deadline(job_type: JobType, options: JobOptions) -> timedelta:
    """Return how long a job may take in all."""
    if options.deadline_seconds is None:
        return job_type.deadline
    return timedelta(seconds=options.deadline_seconds)


def priority(job: JobRef, options: JobOptions) -> Priority:
    """Return a job's place in every queue: by priority first, tenants taking turns within one.

    Activities and child workflows inherit it.
    """
    return Priority(priority_key=options.priority, fairness_key=job.tenant)


def search_attributes(job: JobRef, parent: JobId | None) -> TypedSearchAttributes:
    """Return what Temporal finds a job by."""
    pairs = [SearchAttributePair(JOB_TYPE, job.type), SearchAttributePair(JOB_TENANT, job.tenant)]
    if parent is not None:
        pairs.append(SearchAttributePair(PARENT_JOB, str(parent)))
    return TypedSearchAttributes(pairs)
