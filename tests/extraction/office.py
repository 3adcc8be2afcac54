"""Word documents made by hand: a few parts in an archive, as Word lays them out."""

import zipfile
from collections.abc import Iterable
from io import BytesIO

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = f'<Types xmlns="{PACKAGE}/content-types"/>'

STYLES = f"""<w:styles xmlns:w="{WORD}">
<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>
<w:style w:type="paragraph" w:styleId="Klausel"><w:name w:val="Clause"/>
<w:basedOn w:val="berschrift1"/>
<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="2"/></w:numPr></w:pPr></w:style>
</w:styles>"""

NUMBERING = f"""<w:numbering xmlns:w="{WORD}">
<w:abstractNum w:abstractNumId="0">
<w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="&#xF0B7;"/></w:lvl>
<w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/><w:lvlText w:val="o"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="1">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>
<w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="(%3)"/>
</w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="1"/>
<w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>
</w:numbering>"""


def relationships(targets: dict[str, str]) -> str:
    """Relate a part to others: by the kind of relation, the target."""
    rows = "".join(
        f'<Relationship Id="r{kind}" Type="{RELATION}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{rows}</Relationships>'


def run(text: str) -> str:
    """Write a run of text."""
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(content: str, *, style: str = "", list_id: int = 0, level: int = 0) -> str:
    """Write a paragraph around runs; plain text becomes one."""
    runs = content if content.startswith("<") else run(content)
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    level_and_id = f'<w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/>'
    numbered = f"<w:numPr>{level_and_id}</w:numPr>" if list_id else ""
    return f"<w:p><w:pPr>{named}{numbered}</w:pPr>{runs}</w:p>"


def table(*rows: Iterable[str]) -> str:
    """Write a table of paragraphs."""
    cells = ("".join(f"<w:tc>{each}</w:tc>" for each in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{each}</w:tr>" for each in cells) + "</w:tbl>"


def story(body: str, prologue: str = "") -> str:
    """Wrap blocks as the main part."""
    return f'{prologue}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'


def package(main: str | bytes, more: dict[str, str | bytes] | None = None) -> bytes:
    """Pack a main part, with the styles and the numbering above, as Word does."""
    related = {"styles": "styles.xml", "numbering": "numbering.xml", "footnotes": "footnotes.xml"}
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": relationships({"officeDocument": "word/document.xml"}),
        "word/_rels/document.xml.rels": relationships(related),
        "word/document.xml": main,
        "word/styles.xml": STYLES,
        "word/numbering.xml": NUMBERING,
        "word/footnotes.xml": f'<w:footnotes xmlns:w="{WORD}"/>',
        **(more or {}),
    }
    return zipped(parts)


def zipped(parts: dict[str, str | bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack files into an archive."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w", packing) as file:
        for name, part in parts.items():
            file.writestr(name, part)
    return content.getvalue()


def docx(body: str, more: dict[str, str | bytes] | None = None) -> bytes:
    """Pack a document around blocks."""
    return package(story(body), more)


CELLS = [paragraph("a"), paragraph("b", list_id=2)]
HONEST = {
    "a.docx": docx(paragraph("Title", style="Titel") + table(CELLS, CELLS)),
    "a.html": b"<!doctype html><meta charset=utf-8><h1>A</h1><ul><li>b<table><tr><td>c</table>",
    "a.csv": 'Name;City\n"Ada";"New\nYork"\nBob;Rome\n'.encode("utf-16"),
    "a.md": "# Größe\n\n- one\n".encode(),
}
"""A little of every kind but PDF, by name."""
