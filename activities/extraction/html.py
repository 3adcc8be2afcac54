"""Read web pages: the words a reader of the page would see, with headings, lists and tables."""

import re
from pathlib import Path
from typing import Any, Final

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from activities.extraction.decoding import decode
from activities.extraction.html_depth import refuse_deep
from activities.extraction.limits import ExtractionLimits, processor_seconds
from activities.extraction.markdown import collapse_blanks
from activities.extraction.plain_text import read_content
from activities.extraction.reader_result import ReaderResult
from activities.extraction.text_builder import TextBuilder, format_item

SKIPPED_NAMES: Final = """
script style template noscript svg iframe object embed canvas audio video select datalist head title
"""
BLOCK_NAMES: Final = """
address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset
figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol p pre
search section summary table tbody td tfoot th thead tr ul
"""
SKIPPED: Final = frozenset(SKIPPED_NAMES.split())
BLOCKS: Final = frozenset(BLOCK_NAMES.split())
HEADINGS: Final = {f"h{level}": "#" * level for level in range(1, 7)}
LISTS: Final = frozenset({"ul", "ol", "menu", "dir"})

BLANKS: Final = re.compile(r"[ \t\r\n\f]+")
BLANKS_IN_LINE: Final = re.compile(r"  +")
AROUND_BREAKS: Final = re.compile(r" *\n *")
CHARSET: Final = re.compile(
    rb"""<(?:meta\b[^>]{0,200}?charset|\?xml\b[^>]{0,99}?encoding)\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
HEAD_BYTES: Final = 4096
UNSEEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
PARSER_SECONDS: Final = 3
CHARACTERS_PER_SECOND: Final = 4_000_000
"""A third of the speed that was measured for honest pages and for the worst without depth."""

TEXT, COMMENT = "-text", "-comment"


def read(path: Path, limits: ExtractionLimits) -> ReaderResult:
    """Read what the page shows; scripts, styles and hidden parts are left out."""
    content = read_content(path, limits)
    declared = CHARSET.search(content, 0, HEAD_BYTES)
    decoded = decode(content, declared=declared[1].decode() if declared else None)
    page = _parse(decoded.text)
    walker = _Walker(TextBuilder(limits.characters))
    walker.walk(page.root)
    body = walker.builder.text()
    title = page.css_first("head > title")
    named = collapse_blanks(title.text()) if title is not None else ""
    if named and not body.lstrip("# ").startswith(named):
        body = f"{named}\n\n{body}" if body else ""
    return ReaderResult(text=body, encoding=decoded.encoding)


def _parse(text: str) -> LexborHTMLParser:
    refuse_deep(text)
    try:
        with processor_seconds(PARSER_SECONDS + len(text) // CHARACTERS_PER_SECOND):
            return LexborHTMLParser(text)
    except SelectolaxError as error:  # no page is wrong; what it wants then is memory
        raise MemoryError from error


class _Walker:
    """Go through a page in reading order, without recursion: hostile pages nest without end."""

    def __init__(self, builder: TextBuilder) -> None:
        self.builder = builder
        self._inline: list[str] = []
        self._lists: list[int | None] = []
        self._label = ""
        self._preformatted = 0

    def walk(self, root: Any) -> None:
        node, depth = root, 0
        while node is not None:
            if self._enter(node) and (child := node.child) is not None:
                node, depth = child, depth + 1
                continue
            self._leave(node.tag)
            while node.next is None and depth:
                node, depth = node.parent, depth - 1
                self._leave(node.tag)
            node = node.next if depth else None
        self._flush()

    def _enter(self, node: Any) -> bool:
        """Take in a node; tell whether what is inside counts."""
        tag = node.tag
        if tag == TEXT:
            self._inline.append(self._words(node.text_content or ""))
            return False
        if tag in SKIPPED or tag == COMMENT or _is_unseen(node):
            return False
        if tag == "br":
            self._inline.append("\n")
        elif tag in BLOCKS:
            self._flush()
            self._begin(tag)
        return True

    def _words(self, text: str) -> str:
        return text if self._preformatted else BLANKS.sub(" ", text)

    def _begin(self, tag: str) -> None:
        if tag in LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._label = self._next_label()
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "table":
            self.builder.begin_table()
        elif tag == "tr":
            self.builder.begin_row()
        elif tag in {"td", "th"}:
            self.builder.begin_cell()

    def _leave(self, tag: str) -> None:
        if tag not in BLOCKS or tag == "br":
            return
        self._flush(HEADINGS.get(tag, ""))
        if tag in LISTS and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._preformatted -= 1
        elif tag == "table":
            self.builder.end_table()
        elif tag in {"td", "th"}:
            self.builder.end_cell()

    def _next_label(self) -> str:
        counted = self._lists[-1] if self._lists else None
        if counted is None:
            return "-"
        self._lists[-1] = counted + 1
        return f"{counted + 1}."

    def _flush(self, mark: str = "") -> None:
        """End the block that was being written."""
        text, self._inline = "".join(self._inline), []
        if not text.strip():
            return
        if self._preformatted:
            self.builder.add("```\n" + text.strip("\n") + "\n```")
            return
        text = AROUND_BREAKS.sub("\n", BLANKS_IN_LINE.sub(" ", text)).strip()
        if mark:
            self.builder.add(f"{mark} {collapse_blanks(text)}")
        elif self._lists:
            label, self._label = self._label or " ", ""
            self.builder.add(format_item(label, text, len(self._lists) - 1), is_item=True)
        else:
            self.builder.add(text)


def _is_unseen(node: Any) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or bool(UNSEEN.search(attributes.get("style") or ""))
