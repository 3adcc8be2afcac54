"""Documents made to harm whoever reads them. None may cost more than a failed job.

`QUICK` ones end within a moment, with the code beside them, or are read; `HEAVY` ones use up what
an extraction may use.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from hashlib import shake_256
from io import BytesIO
from typing import Final

from tests.extraction.documents import MEBIBYTE, bomb_pdf, inflating, pages, pdf, stream
from tests.extraction.office import WORD, docx, package, paragraph, story, zipped

LAUGHS: Final = (
    "<!DOCTYPE w ["
    + '<!ENTITY l0 "ha">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)
THIEF: Final = '<!DOCTYPE w [<!ENTITY theft SYSTEM "file:///etc/passwd">]>'


def counting_pdf(count: int) -> bytes:
    """Claim a number of pages and have one."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    tree = b"<</Type/Pages/Kids[3 0 R]/Count %d>>" % count
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", tree, page])


def looping_pdf() -> bytes:
    """Let the tree of pages hold itself."""
    tree = b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2/Parent 2 0 R>>"
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", tree])


def deep_pdf(depth: int) -> bytes:
    """Put the only page at the bottom of a tree without branches."""
    nodes = [b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % (number + 3) for number in range(depth)]
    page = b"<</Type/Page/MediaBox[0 0 9 9]>>"
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", *nodes, page])


def chained_pdf() -> bytes:
    """Deflate a stream twice: a few hundred bytes inflate to gigabytes."""
    content = zlib.compress(inflating(2_000), 9)
    filters = b"/Filter[/FlateDecode/FlateDecode]"
    return pages(1, resources=b"", others=[stream(content, filters)], contents=[0])


def drawing_pdf(levels: int) -> bytes:
    """Let each form draw the next one ten times."""
    draw = b"/F Do " * 10
    forms = [
        stream(
            draw,
            b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F %d 0 R>>>>"
            % (4 + number + 1),
        )
        for number in range(levels)
    ]
    last = stream(b"BT ET", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    resources = b"/XObject<</F 4 0 R>>"
    return pages(1, resources=resources, others=[*forms, last, stream(draw)], contents=[levels + 1])


def busy_pdf() -> bytes:
    """Fill a page with millions of operators in a few KiB."""
    operators = zlib.compress(b"q 1 0 0 1 0 0 cm Q\n" * 4_000_000, 9)
    others = [stream(operators, b"/Filter/FlateDecode")]
    return pages(1, resources=b"", others=others, contents=[0])


def previous_pdf() -> bytes:
    """Let the table of objects continue at itself."""
    content = counting_pdf(1)
    at = content.rindex(b"startxref\n") + len(b"startxref\n")
    start = int(content[at:].split(b"\n")[0])
    return content.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % start)


def lying_docx() -> bytes:
    """Say in every header that the main part is small; it is not."""
    content = bytearray(docx("", {"word/document.xml": b" " * 10 * MEBIBYTE}))
    with zipfile.ZipFile(BytesIO(bytes(content))) as file:
        entry = file.getinfo("word/document.xml")
    truth, lie = struct.pack("<I", entry.file_size), struct.pack("<I", 1000)
    return bytes(content.replace(truth, lie))


def locked_docx() -> bytes:
    """Mark every entry of the archive as encrypted."""
    content = bytearray(docx(paragraph("Secret.")))
    place = -1
    while (place := content.find(b"PK\x01\x02", place + 1)) >= 0:
        content[place + 8] |= 1
    return bytes(content)


def crowded_docx() -> bytes:
    """Hold more parts than any document needs."""
    return docx(paragraph("Hello."), {f"word/media/{n}": b"" for n in range(2_500)})


def nested_docx(depth: int) -> bytes:
    """Nest tables, each in the only cell of the one around it."""
    inner = paragraph("x")
    return docx("<w:tbl><w:tr><w:tc>" * depth + inner + "</w:tc></w:tr></w:tbl>" * depth)


def wide_docx() -> bytes:
    """Use up the ratio and the size that are allowed, for nothing."""
    noise = shake_256(b"noise").hexdigest(600_000)  # what hardly packs pays for what does
    return package(story(paragraph("x") * 1_200_000 + f"<!--{noise}-->"))


def attributed_page(count: int) -> bytes:
    """Give one element many attributes."""
    return b"<html><p " + b" ".join(b"a%d=1" % n for n in range(count)) + b">Hello"


def page(body: bytes) -> bytes:
    """Wrap HTML so that it is recognised."""
    return b"<!doctype html><html><body>" + body


QUICK: Final[Mapping[str, tuple[str, Callable[[], bytes]]]] = {
    "counting.pdf": ("document_empty", lambda: counting_pdf(2_147_483_647)),
    "looping.pdf": ("document_broken", looping_pdf),
    "deep.pdf": ("document_broken", lambda: deep_pdf(20_000)),
    "previous.pdf": ("document_empty", previous_pdf),
    "laughing.docx": ("document_broken", lambda: package(story(paragraph("&l9;"), LAUGHS))),
    "stealing.docx": ("document_broken", lambda: package(story(paragraph("&theft;"), THIEF))),
    "bomb.docx": (
        "document_too_large",
        lambda: docx("", {"word/document.xml": b" " * 30 * MEBIBYTE}),
    ),
    "lying.docx": ("document_broken", lying_docx),
    "locked.docx": ("document_encrypted", locked_docx),
    "crowded.docx": ("document_too_large", crowded_docx),
    "deep.docx": ("document_broken", lambda: docx("<w:p>" * 100_000)),
    "nested.docx": ("", lambda: nested_docx(150)),
    "escaping.docx": (
        "document_broken",
        lambda: docx(paragraph("Hello."), {"../../etc/cron.d/x": b"x"}),
    ),
    "packed.docx": (
        "document_broken",
        lambda: zipped({"[Content_Types].xml": "", "word/a": ""}, zipfile.ZIP_LZMA),
    ),
    "selfish.docx": (
        "",
        lambda: docx(
            paragraph("Hello.", style="a"),
            {
                "word/styles.xml": f'<w:styles xmlns:w="{WORD}"><w:style w:styleId="a">'
                '<w:basedOn w:val="a"/></w:style></w:styles>'
            },
        ),
    ),
    "deep.html": ("document_broken", lambda: page(b"<div>" * 440_000)),
    "crossed.html": ("document_broken", lambda: page(b"<div></span>" * 200_000)),
    "tabled.html": ("document_broken", lambda: page(b"<table><tr><td>" * 150_000 + b"x")),
    "listed.html": ("document_broken", lambda: page(b"<ul><li>x" * 250_000)),
    "annotated.html": ("document_broken", lambda: page(b"<rt>" * 500_000)),
    "spanned.html": ("", lambda: page(b"<span>" * 100_000 + b"x")),
    "adopted.html": ("", lambda: page(b"<b><i><font><p>x" * 30_000)),
    "attributed.html": ("", lambda: attributed_page(10_000)),
    "commented.html": ("document_empty", lambda: page(b"<!--" * 100_000)),
    "prologue.html": ("document_empty", lambda: b"<!-- -->" * 8_000),
    "tagged.html": ("document_empty", lambda: page(b"<a" * 500_000)),
    "quoted.csv": ("", lambda: b'"' * 1_000_001),
    "wide.csv": ("document_too_large", lambda: b"," * 1_000_000),
    "zeros.txt": ("document_broken", lambda: bytes(1_000_000)),
}

HEAVY: Final[Mapping[str, Callable[[], bytes]]] = {
    "bomb.pdf": lambda: bomb_pdf(600),
    "chained.pdf": chained_pdf,
    "drawing.pdf": lambda: drawing_pdf(12),
    "busy.pdf": busy_pdf,
    "again.pdf": lambda: bomb_pdf(100, count=99),
    "wide.docx": wide_docx,
    "deeper.html": lambda: page(b"<div>" * 2_400_000),
    "barred.html": lambda: page(b"<div>" * 999 + b"<hr>" * 3_000_000),
    "reopened.html": lambda: page(b"<b></p>" * 300_000),
    "misnested.html": lambda: page(b"<a><b><i><p>" * 60_000),
    "large.html": lambda: page(b"<p>x" * 6_000_000),
    "large.csv": lambda: b"a,b,c\n" * 6_000_000,
    "accents.txt": lambda: "é".encode() * 30 * MEBIBYTE,
}
