"""The journey that the seeds describe: upload PDFs, summarise them, poll, read the result."""

import asyncio
from typing import Any

import httpx2
from fpdf import FPDF

from jobs.status import JobStatus

BETWEEN_POLLS = 0.2
CLOSED = {each.value for each in JobStatus if each.is_terminal}


def pdf(number: int) -> bytes:
    """Typeset a page that says something no other one says."""
    paper = FPDF()
    paper.set_title(f"Harbour {number}")
    paper.add_page()
    paper.set_font("Helvetica", size=11)
    words = f"Harbour {number} counted {1000 + number} boats in May. The quay was mended in time."
    paper.multi_cell(w=paper.epw, text=words)
    return bytes(paper.output())


async def uploaded(client: httpx2.AsyncClient, count: int) -> list[str]:
    """Upload that many PDFs in one request and return their ids."""
    papers = await asyncio.to_thread(lambda: [pdf(number) for number in range(count)])
    files = [("files", (f"harbour-{n}.pdf", p, "application/pdf")) for n, p in enumerate(papers)]
    reply = await client.post("/api/documents", files=files)
    assert reply.status_code == 201, reply.text
    return [each["document_id"] for each in reply.json()["documents"]]


async def travelled(client: httpx2.AsyncClient, count: int) -> dict[str, Any]:
    """Go the whole way as a web app would, check every stage of it, and return the result."""
    ids = await uploaded(client, count)
    body = {
        "type": "summarize_documents",
        "payload": {"user_id": "u1", "document_ids": ids, "summary_style": "executive"},
    }
    accepted = await client.post("/api/jobs", json=body)
    assert accepted.status_code == 202, accepted.text
    job = accepted.json()
    assert job["status"] == "pending"
    assert job["estimated_completion_seconds"] > 0

    seen: list[tuple[int, int]] = []
    view: dict[str, Any] = job
    while (view := (await client.get(f"/api/jobs/{job['job_id']}")).json())["status"] not in CLOSED:
        seen.append((view["progress"]["current"], view["progress"]["total"]))
        await asyncio.sleep(BETWEEN_POLLS)  # polling is what this client does
    assert view["status"] == "succeeded", view["error"]
    assert seen == sorted(seen, key=lambda each: each[0]), "progress never goes back"
    assert view["progress"]["total"] == count

    reply = await client.get(view["links"]["result"], follow_redirects=True)
    assert reply.status_code == 200, reply.text
    result: dict[str, Any] = reply.json()
    assert result["summary"]
    assert result["key_points"]
    assert [each["document_id"] for each in result["documents"]] == ids
    for number, note in enumerate(result["documents"]):
        assert f"{1000 + number} boats" in note["summary"]
    return view
