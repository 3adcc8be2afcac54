"""Take the screenshots of the documentation: `python -m docs.images.screenshots`.

Starts a stack of its own on a new folder, runs one job on three example documents, and has a
headless Chromium photograph the job's history in Temporal UI and the API reference of the gateway.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image  # comes with matplotlib

from backburner import AsyncBackburner
from local.postgres_cluster import throwaway_directory
from local.stack import ROOT, Stack, started

FOLDER = Path(__file__).parent
DOCUMENTS = ROOT / "examples" / "documents"
NAMES = ("incident-2025-08-14.md", "quarterly-report-q3-2025.pdf", "product-roadmap-2026.md")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 120
COLOURS = 128
"""A page of text needs no more, and the file is a third as large."""


def find_browser() -> str:
    """Return the path of a Chromium; exit with a hint when there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is on the path; on Debian: apt install chromium")
    return found


def take(
    browser: str,
    url: str,
    name: str,
    size: tuple[int, int],
    *,
    crop: tuple[int, int, int, int] | None = None,
) -> None:
    """Photograph a page and write it as a small PNG.

    Args:
        browser: Path of a Chromium.
        url: Of the page; it gets 20 seconds of its own time to become complete.
        name: Of the file, without its ending.
        size: Of the window.
        crop: Left, upper, right and lower edge of what is kept; everything when it is None.

    Raises:
        CalledProcessError: The browser failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.png"
        command = [
            browser,
            "--headless=new",
            "--no-sandbox",  # it sees pages of this machine only, and often runs as root
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
            f"--window-size={size[0]},{size[1]}",
            "--virtual-time-budget=20000",
            f"--screenshot={raw}",
            url,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)  # noqa: S603 # a browser and words of ours
        file = FOLDER / f"{name}.png"
        with Image.open(raw) as image:
            kept = image.crop(crop) if crop else image
            kept.convert("RGB").quantize(COLOURS).save(file, optimize=True)
    sys.stdout.write(f"wrote {file.name}: {file.stat().st_size / 1000:.0f} kB\n")


async def run_job(stack: Stack) -> str:
    """Have documents summarised, and return the id of the job."""
    async with AsyncBackburner(stack.addresses.gateway) as client:
        documents = await client.upload_documents(DOCUMENTS / name for name in NAMES)
        payload = {"document_ids": [each.document_id for each in documents]}
        job = await client.submit("summarize_documents", payload)
        await client.wait(job.job_id)
    return str(job.job_id)


async def main() -> None:
    """Start the stack, run the job, take the screenshots."""
    browser = find_browser()
    folder = throwaway_directory()
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    try:
        async with started(folder, environment) as stack:
            job_id = await run_job(stack)
            history = f"{stack.addresses.temporal_ui}/namespaces/default/workflows/{job_id}"
            take(browser, history, "temporal-ui", (1500, 1600), crop=(256, 56, 1500, 1195))
            take(browser, f"{stack.addresses.gateway}/docs", "gateway", (1280, 900))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
