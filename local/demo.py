"""`backburner up` and `backburner demo`: the whole system on this machine, seen from outside."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel

from backburner import AsyncBackburner, Cost, Job, JobStatus
from backburner.progress import follow
from local.stack import ROOT, Addresses, Stack, running_stack, started

DOCUMENTS = ROOT / "examples" / "documents"
JOB_TYPE = "summarize_documents"


async def up(folder: Path, console: Console) -> int:
    """Start the stack and stay until Ctrl-C; return 1 when a part broke."""
    if addresses := running_stack(folder):
        console.print("A stack serves this folder already.")
        _print_addresses(addresses, console)
        return 0
    async with _visibly_started(folder, console) as stack:
        console.print(f"Ctrl-C stops everything in order; the data stays in {folder}.")
        console.print(f"[red]Stopping:[/] {await stack.broken()}", highlight=False)
    return 1


async def demo(folder: Path, console: Console) -> int:
    """Run the main job on the example documents and print what came of it; return 1 if it failed.

    Uses the stack that serves the folder, or starts one and stops it in the end.
    """
    async with _stack(folder, console) as (addresses, is_own):
        job = await _summarise(addresses, console)
        _print_result(job, console)
        _print_links(job, addresses, console, is_own=is_own)
    return 0 if job.status is JobStatus.SUCCEEDED else 1


@asynccontextmanager
async def _stack(folder: Path, console: Console) -> AsyncIterator[tuple[Addresses, bool]]:
    """Yield where a stack is, and whether it is ours to stop."""
    if addresses := running_stack(folder):
        console.print("Using the stack that serves this folder.")
        yield addresses, False
        return
    async with _visibly_started(folder, console) as stack:
        yield stack.addresses, True


@asynccontextmanager
async def _visibly_started(folder: Path, console: Console) -> AsyncIterator[Stack]:
    async with AsyncExitStack() as parts:
        with console.status("Starting Postgres, Temporal, gateway and worker …"):
            stack = await parts.enter_async_context(started(folder))
        _print_addresses(stack.addresses, console)
        yield stack


async def _summarise(addresses: Addresses, console: Console) -> Job:
    paths = sorted(path for path in DOCUMENTS.iterdir() if path.is_file())
    async with AsyncBackburner(addresses.gateway) as client:
        console.print(f"Uploading {len(paths)} documents from {DOCUMENTS.relative_to(ROOT)} …")
        documents = await client.upload_documents(paths)
        payload = {
            "document_ids": [str(each.document_id) for each in documents],
            "summary_style": "executive",
        }
        job = await client.submit(JOB_TYPE, payload, labels={"from": "demo"})
        console.print(f"POST /api/jobs → [bold]{job.job_id}[/] ({job.status})", highlight=False)
        return await follow(client, job.job_id, console)


def _print_addresses(addresses: Addresses, console: Console) -> None:
    answers = "the emulator: answers are toys" if addresses.emulated else "real, and paid for"
    lines = {
        "Gateway": addresses.gateway,
        "API reference": f"{addresses.gateway}/docs",
        "Temporal UI": addresses.temporal_ui,
        "Temporal": addresses.temporal,
        "Responses API": f"{addresses.provider}  ({answers})",
    }
    _print_lines(lines, console)


def _print_result(job: Job, console: Console) -> None:
    if job.error is not None:
        console.print(
            Panel(f"{job.error.message}\n\n{job.error.advice}", title=f"failed: {job.error.code}")
        )
    if not job.result:
        return
    points = "\n".join(f"- {point}" for point in job.result["key_points"])
    text = f"{job.result['summary']}\n\n**Key points**\n\n{points}"
    console.print(
        Panel(Markdown(text), title=f"Summary of {len(job.result['documents'])} documents")
    )


def _print_links(job: Job, addresses: Addresses, console: Console, *, is_own: bool) -> None:
    seconds = (
        (job.completed_at - job.created_at).total_seconds()
        if job.completed_at and job.created_at
        else 0.0
    )
    lines = {
        "Status": f"{job.status} after {seconds:.1f} s",
        "Cost": _price(job.cost, emulated=addresses.emulated),
        "Job": f"{addresses.gateway}/api/jobs/{job.job_id}",
        "History": job.links.temporal_ui or "",
    }
    _print_lines(lines, console)
    if is_own:
        console.print("The stack stops now. `make up` starts it again, with this job in it.")


def _print_lines(lines: Mapping[str, str], console: Console) -> None:
    """Print labelled lines; addresses are never cut, so that they can be clicked or copied."""
    width = max(map(len, lines))
    for label, text in lines.items():
        console.print(f"  {label:<{width}}  {text}", highlight=False, soft_wrap=True)


def _price(cost: Cost, *, emulated: bool) -> str:
    tokens = (
        f"{cost.input_tokens:,} tokens in, {cost.output_tokens:,} out, {cost.responses} responses"
    )
    if cost.usd is None:
        return f"price unknown ({tokens})"
    at_least = "at least " if cost.unpriced_responses else ""
    would = "would have cost " if emulated else ""
    return f"{would}{at_least}${cost.usd:.4f} ({tokens})"
