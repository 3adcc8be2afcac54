"""What Temporal UI shows above a job's history."""

from typing import TYPE_CHECKING, Any

from jobs.money import Cost, amount

if TYPE_CHECKING:
    from workflows.core.lifecycle import Lifecycle


def markdown(job: "Lifecycle[Any, Any]", waiting_for: str | None) -> str:
    """Describe a running job in a few lines of Markdown, and in what the job itself adds."""
    ref, progress, cost, more = job.ticket.job, job.progress, job.cost, job.details()
    lines = [f"### {job.title}", f"`{ref.type}` of tenant `{ref.tenant}`", ""]
    if waiting_for:
        lines.append(f"**Waiting for {waiting_for}**")
    if progress.stage:
        done = f": {progress.current} of {progress.total}" if progress.total else ""
        lines.append(f"- **{progress.stage}**{done}")
    lines.append(f"- Responses settled: {cost.responses}")
    lines.append(f"- Cost so far: {price(cost)}")
    return "\n".join([*lines, "", more] if more else lines)


def price(cost: Cost) -> str:
    """Write a cost for people; an unknown price is never written as zero."""
    if cost.usd is None:
        return "unknown" if cost.responses else "none yet"
    at_least = "at least " if cost.unpriced_responses else ""
    return f"{at_least}${amount(cost.usd)}"
