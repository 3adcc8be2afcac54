"""What Temporal UI shows above a job's history."""

from jobs.model import JobRef, Progress
from jobs.money import Cost


def markdown(
    title: str, job: JobRef, progress: Progress, cost: Cost, waiting_for: str | None
) -> str:
    """Describe a running job in a few lines of Markdown."""
    lines = [f"### {title}", f"`{job.type}` of tenant `{job.tenant}`", ""]
    if waiting_for:
        lines.append(f"**Waiting for {waiting_for}**")
    if progress.stage:
        done = f": {progress.current} of {progress.total}" if progress.total else ""
        lines.append(f"- **{progress.stage}**{done}")
    lines.append(f"- Responses settled: {cost.responses}")
    lines.append(f"- Cost so far: {price(cost)}")
    return "\n".join(lines)


def price(cost: Cost) -> str:
    """Write a cost for people; an unknown price is never written as zero."""
    if cost.usd is None:
        return "unknown" if cost.responses else "none yet"
    at_least = "at least " if cost.unpriced_responses else ""
    return f"{at_least}${cost.usd:.4f}"
