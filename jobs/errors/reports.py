"""Failures of reports."""

from jobs.errors.failures import JobFailure


class NoSources(JobFailure):
    """There is nothing to make a report of."""

    code = "no_sources"
    title = "No sources"
    advice = "Name other sources, or a longer time for recent documents."
