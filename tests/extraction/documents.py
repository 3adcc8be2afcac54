"""Documents made on the spot: good ones, bad ones and hostile ones."""

import zlib
from io import BytesIO

from pypdf import PdfWriter

MEBIBYTE = 1 << 20

UNICODE_MAP = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
%d beginbfchar
%s
endbfchar
endcmap
end
end"""


def pdf(objects: list[bytes]) -> bytes:
    """Assemble a PDF whose first object is its catalog."""
    content = BytesIO()
    content.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    table = b"0000000000 65535 f \n"
    for number, item in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % content.tell()
        content.write(b"%d 0 obj\n%s\nendobj\n" % (number, item))
    start, size = content.tell(), len(objects) + 1
    content.write(b"xref\n0 %d\n%s" % (size, table))
    content.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n" % (size, start))
    content.write(b"%%EOF\n")
    return content.getvalue()


def stream(content: bytes, more: bytes = b"") -> bytes:
    """Wrap bytes as the stream object of a PDF."""
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), more, content)


def pages(count: int, *, resources: bytes, others: list[bytes], contents: list[int]) -> bytes:
    """Lay out pages from object 3 on; `others` follow them, and `contents` point into these."""
    kids = b" ".join(b"%d 0 R" % (3 + index) for index in range(count))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<<%s>>/Contents %d 0 R>>"
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count),
            *(page % (resources, 3 + count + contents[index]) for index in range(count)),
            *others,
        ]
    )


def written_pdf(*texts: str) -> bytes:
    """Write one line per page, in any script: the font maps every letter back to Unicode."""
    letters = sorted(set("".join(texts)))
    codes = {letter: b"%04X" % (index + 1) for index, letter in enumerate(letters)}
    rows = [
        b"<%s> <%s>" % (code, letter.encode("utf-16-be").hex().upper().encode())
        for letter, code in codes.items()
    ]
    font = 3 + len(texts)
    others = [
        b"<</Type/Font/Subtype/Type0/BaseFont/Some/Encoding/Identity-H"
        b"/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>" % (font + 1, font + 2),
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/Some/DW 500"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>",
        stream(UNICODE_MAP % (len(rows), b"\n".join(rows))),
    ]
    lines = [b"".join(codes[letter] for letter in text) for text in texts]
    others += [stream(b"BT /F1 12 Tf 20 700 Td <%s> Tj ET" % line) for line in lines]
    return pages(
        len(texts),
        resources=b"/Font<</F1 %d 0 R>>" % font,
        others=others,
        contents=[3 + index for index in range(len(texts))],
    )


def scanned_pdf(count: int) -> bytes:
    """Show one picture on every page and write nothing."""
    picture = (
        b"/Type/XObject/Subtype/Image/Width 2/Height 2/ColorSpace/DeviceGray/BitsPerComponent 8"
    )
    others = [stream(b"\x00\xff\xff\x00", picture), stream(b"q 600 0 0 800 0 0 cm /I1 Do Q")]
    resources = b"/XObject<</I1 %d 0 R>>" % (3 + count)
    return pages(count, resources=resources, others=others, contents=[1] * count)


def half_scanned_pdf() -> bytes:
    """Write the first page and show a picture on the second."""
    writer = PdfWriter(clone_from=BytesIO(written_pdf("Read me.")))
    writer.append(BytesIO(scanned_pdf(1)))
    return saved(writer)


def bomb_pdf(mebibytes: int, *, count: int = 1) -> bytes:
    """Fill pages with a shared stream of a few KiB per MiB that it inflates to."""
    others = [stream(inflating(mebibytes), b"/Filter/FlateDecode")]
    return pages(count, resources=b"", others=others, contents=[0] * count)


def inflating(mebibytes: int) -> bytes:
    """Deflate blanks without the work: after a full flush equal blocks deflate to equal bytes."""
    blanks = b" " * MEBIBYTE
    deflater = zlib.compressobj(9)
    first = deflater.compress(blanks) + deflater.flush(zlib.Z_FULL_FLUSH)
    again = deflater.compress(blanks) + deflater.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _ in range(mebibytes):
        checksum = zlib.adler32(blanks, checksum)
    return first + again * (mebibytes - 1) + b"\x03\x00" + checksum.to_bytes(4, "big")


def encrypted_pdf(password: str) -> bytes:
    """Protect a written PDF; an empty password only forbids printing and the like."""
    writer = PdfWriter(clone_from=BytesIO(written_pdf("Secret.")))
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    return saved(writer)


def blank_pdf() -> bytes:
    """Make a page with nothing on it."""
    writer = PdfWriter()
    writer.add_blank_page(600, 800)
    return saved(writer)


def pageless_pdf() -> bytes:
    """Make a PDF without any page."""
    return saved(PdfWriter())


def saved(writer: PdfWriter) -> bytes:
    """Return what a writer writes."""
    content = BytesIO()
    writer.write(content)
    return content.getvalue()
