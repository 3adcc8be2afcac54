"""Typeset the example PDFs from their sources, so that a change to one can be reviewed as text.

The sources use a small part of Markdown: ``#`` title, ``>`` subtitle, ``##`` and ``###``
headings, ``-`` and ``1.`` items, ``|`` tables, ``**bold**``, and one paragraph per line. Equal
sources give equal bytes: the creation date is fixed, the streams are not compressed (zlib builds
differ in their output), and only the fonts that every PDF reader brings along are used.
"""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF, FontFace

HERE = Path(__file__).parent
CREATED = datetime(2025, 11, 3, 9, 0, tzinfo=UTC)
MARGIN_MM = 24
LINE_MM = 5.4
ITEM = re.compile(r"(-|\d+\.) (.*)")
HEADINGS = {"# ": 20, "## ": 14, "### ": 11.5}


class _Paper(FPDF):
    """An A4 page with the title and the page number at its foot."""

    def footer(self) -> None:
        self.set_y(-16)
        self.set_font("Helvetica", size=8)
        self.set_text_color(110)
        self.cell(w=self.epw, h=5, text=f"{self.title} | page {self.page_no()}", align="C")


def typeset(source: str) -> bytes:
    """Return the PDF for a source text.

    Raises:
        fpdf.errors.FPDFUnicodeEncodingException: A character is outside Latin-1, which is all that
            the built-in fonts can show.
    """
    paper = _new_paper(title=source.partition("\n")[0].removeprefix("# "))
    table: list[list[str]] = []
    for line in [*source.splitlines(), ""]:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("| ").split("|")])
            continue
        if table:
            _set_table(paper, table)
            table = []
        if line:
            _set_line(paper, line)
    return bytes(paper.output())


def main() -> None:
    """Write one PDF for each source into the folder of documents."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--into", type=Path, default=HERE / "documents", help="folder to write to")
    into: Path = parser.parse_args().into
    for source in sorted((HERE / "sources").glob("*.md")):
        text = source.read_text(encoding="utf-8")
        (into / source.with_suffix(".pdf").name).write_bytes(typeset(text))


def _new_paper(title: str) -> _Paper:
    paper = _Paper(format="A4")
    paper.set_compression(False)
    paper.set_creation_date(CREATED)
    paper.set_producer("examples/typeset.py")
    paper.set_author("Marlow & Finch Robotics Ltd")
    paper.set_title(title)
    paper.set_lang("en-GB")
    paper.set_margin(MARGIN_MM)
    paper.set_auto_page_break(auto=True, margin=MARGIN_MM)
    paper.add_page()
    return paper


def _set_line(paper: _Paper, line: str) -> None:
    paper.set_text_color(0)
    for mark, size in HEADINGS.items():
        if line.startswith(mark):
            _set_heading(paper, line.removeprefix(mark), size)
            return
    if line.startswith("> "):
        paper.set_text_color(80)
        _set_paragraph(paper, line.removeprefix("> "), style="I")
    elif item := ITEM.fullmatch(line):
        paper.set_font("Times", size=11)
        paper.cell(w=7, h=LINE_MM, text="\x95" if item[1] == "-" else item[1])
        _set_paragraph(paper, item[2], gap_mm=1.2)
    else:
        _set_paragraph(paper, line)


def _set_heading(paper: _Paper, text: str, size: float) -> None:
    # A heading at the foot of a page belongs with the two lines that follow it.
    if paper.will_page_break(size / 2 + 3 * LINE_MM):
        paper.add_page()
    paper.set_font("Helvetica", style="B", size=size)
    paper.ln(2)
    paper.multi_cell(w=0, h=size / 2, text=text, align="L", new_x="LMARGIN", new_y="NEXT")
    paper.ln(1.5)


def _set_paragraph(paper: _Paper, text: str, style: str = "", gap_mm: float = 2.6) -> None:
    paper.set_font("Times", style=style, size=11)
    paper.multi_cell(
        w=0, h=LINE_MM, text=text, align="L", markdown=True, new_x="LMARGIN", new_y="NEXT"
    )
    paper.ln(gap_mm)


def _set_table(paper: _Paper, rows: list[list[str]]) -> None:
    paper.set_text_color(0)
    paper.set_font("Helvetica", size=9)
    paper.ln(1)
    with paper.table(
        rows,
        headings_style=FontFace(emphasis="BOLD", fill_color=232),
        borders_layout="HORIZONTAL_LINES",
        col_widths=(2, *[1] * (len(rows[0]) - 1)),
        text_align="LEFT",
        line_height=LINE_MM,
        padding=0.6,
    ):
        pass  # The rows are all there already; the table draws itself when the block ends.
    paper.ln(3)


if __name__ == "__main__":
    main()
