"""What comes out of Word documents."""

from pathlib import Path

import pytest

from activities.extraction.docx_numbering import format_number
from tests.extraction.in_process import read_here
from tests.extraction.office import WORD, docx, paragraph, relationships, run, story, table, zipped


@pytest.fixture
def text_of(tmp_path: Path):
    async def of(content: bytes, name: str = "report.docx") -> str:
        path = tmp_path / "stored"
        path.write_bytes(content)
        found = await read_here(path, name)
        assert found.kind == "docx"
        return found.text

    return of


async def test_headings_are_marked_whatever_language_their_styles_are_named_in(text_of):
    body = (
        paragraph("Report", style="Titel")
        + paragraph("Results", style="berschrift1")
        + paragraph("By region", style="berschrift2")
        + paragraph("Sales rose.")
    )
    assert await text_of(docx(body)) == "# Report\n\n# Results\n\n## By region\n\nSales rose."


async def test_a_word_document_is_recognised_whatever_it_is_called(text_of):
    assert await text_of(docx(paragraph("Hello.")), "notes.txt") == "Hello."


async def test_every_script_is_kept(text_of):
    words = "Größe naïve Łódź Ελλάδα Привет 漢字かな 한국어 🦊 &amp; &lt;b&gt;"
    expected = "Größe naïve Łódź Ελλάδα Привет 漢字かな 한국어 🦊 & <b>"
    assert await text_of(docx(paragraph(words))) == expected


async def test_clauses_keep_the_numbers_that_others_refer_to(text_of):
    clauses = [
        ("Delivery", 2, 0),
        ("Dates", 2, 1),
        ("in writing", 2, 2),
        ("by mail", 2, 2),
        ("Places", 2, 1),
        ("Payment", 2, 0),
        ("Terms", 2, 1),
        ("Elsewhere", 3, 0),
    ]
    body = "".join(paragraph(text, list_id=number, level=level) for text, number, level in clauses)
    assert (await text_of(docx(body))).splitlines() == [
        "1. Delivery",
        "  1.1 Dates",
        "    (a) in writing",
        "    (b) by mail",
        "  1.2 Places",
        "2. Payment",
        "  2.1 Terms",
        "7. Elsewhere",
    ]


async def test_a_style_numbers_its_headings_unless_the_paragraph_says_no(text_of):
    bare = '<w:p><w:pPr><w:pStyle w:val="Klausel"/><w:numPr><w:numId w:val="0"/></w:numPr></w:pPr>'
    body = (
        paragraph("First", style="Klausel")
        + paragraph("Second", style="Klausel")
        + f"{bare}{run('Annex')}</w:p>"
    )
    assert await text_of(docx(body)) == "# 1. First\n\n# 2. Second\n\n# Annex"


async def test_bullets_follow_each_other_and_nest(text_of):
    body = (
        paragraph("Before")
        + paragraph("one", list_id=1)
        + paragraph("two", list_id=1, level=1)
        + paragraph("After")
    )
    assert await text_of(docx(body)) == "Before\n\n- one\n  - two\n\nAfter"


async def test_a_table_keeps_its_rows_and_columns(text_of):
    rows = [["Region", "Sales"], ["North | East", "4.2"], ["", ""], ["South", "1.0"]]
    body = table(*([paragraph(cell) for cell in row] for row in rows))
    assert await text_of(docx(body)) == (
        "| Region | Sales |\n| --- | --- |\n| North \\| East | 4.2 |\n| South | 1.0 |"
    )


async def test_a_small_table_within_a_cell_stays_in_it(text_of):
    inner = table([paragraph("in"), paragraph("ner")])
    body = table([paragraph("a"), paragraph("b")], [paragraph("c") + inner, paragraph("d")])
    assert await text_of(docx(body)) == "| a | b |\n| --- | --- |\n| c in, ner | d |"


async def test_a_frame_around_tables_is_not_taken_for_a_table(text_of):
    inner = table([paragraph("a"), paragraph("b")], [paragraph("1"), paragraph("2")])
    body = table([paragraph("Left"), paragraph("Right") + inner])
    assert await text_of(docx(body)) == "Left\n\nRight\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"


async def test_only_what_a_reader_sees_is_read(text_of):
    runs = (
        run("Agreed: ")
        + f"<w:del>{run('ten')}</w:del><w:ins>{run('twelve')}</w:ins>"
        + "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
        + '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> units</w:t></w:r>'
        + "<w:r><w:instrText>PAGE</w:instrText></w:r>"
        + "<w:r><w:tab/><w:t>each</w:t><w:br/><w:t>month</w:t><w:noBreakHyphen/></w:r>"
    )
    assert await text_of(docx(paragraph(runs))) == "Agreed: twelve units\teach\nmonth-"


async def test_links_controls_and_text_boxes_are_read(text_of):
    box = (
        '<mc:AlternateContent xmlns:mc="mc"><mc:Choice><w:txbxContent>'
        f"{paragraph('In a box')}</w:txbxContent></mc:Choice>"
        f"<mc:Fallback>{paragraph('In a box')}</mc:Fallback></mc:AlternateContent>"
    )
    body = (
        paragraph(f"<w:hyperlink>{run('A link')}</w:hyperlink>{run(' and more')}")
        + f"<w:sdt><w:sdtContent>{paragraph('A form field')}</w:sdtContent></w:sdt>"
        + f"<w:p><w:r>{box}</w:r>{run('Around it')}</w:p>"
    )
    found = await text_of(docx(body))
    assert found == "A link and more\n\nA form field\n\nIn a box\n\nAround it"


async def test_notes_stand_at_the_end_and_are_referred_to(text_of):
    notes = f"""<w:footnotes xmlns:w="{WORD}">
        <w:footnote w:id="-1" w:type="separator"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>
        <w:footnote w:id="2">{paragraph("Audited.")}</w:footnote></w:footnotes>"""
    runs = run("Sales rose") + '<w:r><w:footnoteReference w:id="2"/></w:r>' + run(".")
    found = await text_of(docx(paragraph(runs), {"word/footnotes.xml": notes}))
    assert found == "Sales rose[^2].\n\n[^2]: Audited."


async def test_a_document_whose_main_part_lies_elsewhere_is_found(text_of):
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relationships({"officeDocument": "/word/document2.xml"}),
        "word/document2.xml": story(paragraph("From a server.")),
    }
    assert await text_of(zipped(parts)) == "From a server."


async def test_a_strict_document_is_read(text_of):
    strict = story(paragraph("Strict.")).replace(WORD, "http://purl.oclc.org/ooxml/main")
    assert await text_of(docx("", {"word/document.xml": strict})) == "Strict."


@pytest.mark.parametrize(
    ("count", "form", "written"),
    [
        (4, "lowerRoman", "iv"),
        (1994, "upperRoman", "MCMXCIV"),
        (27, "lowerLetter", "aa"),
        (3, "upperLetter", "C"),
        (7, "decimalZero", "07"),
        (7, "ordinal", "7"),
        (123_456, "upperRoman", "123456"),
    ],
)
def test_numbers_are_written_as_word_writes_them(count, form, written):
    assert format_number(count, form) == written
