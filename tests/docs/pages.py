"""Reads the pages: their fenced blocks, what was shown as output, and their links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples/README.md",
    ROOT / "clients/python/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
RUN = [
    ROOT / "README.md",
    ROOT / "clients/python/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/howto").glob("*.md")),
]

FENCE = re.compile(
    r"^(?:<!-- not run: (?P<excuse>[^\n]+) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)\s]*)\)")
PLACE = re.compile(r"\A# (\S+)\n")


@dataclass(frozen=True)
class Block:
    """One fenced block; `excuse` says why the tests do not run it."""

    page: Path
    kind: str
    text: str
    excuse: str | None = None

    @property
    def place(self) -> str:
        """Return the file that a block says it stands in, in its first line."""
        found = PLACE.match(self.text)
        return found[1] if found else ""


def blocks(page: Path, *kinds: str) -> list[Block]:
    """Return the blocks of a page, of these kinds only when some are named."""
    found = [
        Block(page, match["kind"], match["text"], match["excuse"])
        for match in FENCE.finditer(page.read_text(encoding="utf-8"))
    ]
    return [each for each in found if each.kind in kinds or not kinds]


def every(*kinds: str) -> list[Block]:
    """Return the blocks of these kinds on all pages whose blocks are run."""
    return [block for page in RUN for block in blocks(page, *kinds)]


def commands(page: Path) -> list[tuple[str, str]]:
    """Return the shell blocks of a page that are run, each with the output shown for it."""
    found: list[tuple[str, str]] = []
    previous: Block | None = None
    for block in blocks(page):
        if block.kind == "sh" and block.excuse is None:
            found.append((block.text, ""))
        elif block.kind == "text" and previous and previous.kind == "sh" and not previous.excuse:
            found[-1] = (found[-1][0], block.text)
        previous = block
    return found


def anchors(page: Path) -> set[str]:
    """Return the fragments that headings of a page answer to."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def links(page: Path) -> list[str]:
    """Return the links of a page that lead to other files or other places of it."""
    return LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
