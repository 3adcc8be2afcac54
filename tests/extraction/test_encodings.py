"""Old encodings are recognised by the words that are not ASCII; in doubt a text is refused."""

import contextlib
from pathlib import Path

import pytest

from activities.extraction.decoding import decode
from activities.extraction.encoding_detection import detect_encoding
from activities.extraction.errors import Refusal
from activities.tables import rows_of
from jobs.errors import DocumentUnsupported
from tests.extraction.in_process import read_here

ASCII_ROWS = "id,name,note\n" + "".join(f"{n},Plain row,some value\n" for n in range(200))

NAMES = [
    ("cp1251", "Иванов"),
    ("cp1251", "Іван Франко"),
    ("koi8-r", "Иванов"),
    ("cp866", "Иванов"),
    ("cp1253", "Παπαδόπουλος"),
    ("cp1254", "İstanbul Şişli"),
    ("cp1255", "ישראל כהן"),
    ("cp1256", "محمد علي"),
    ("cp1250", "Kovács Ödön őr"),
    ("gb18030", "王小明"),
    ("big5", "陳大文"),
    ("cp949", "김철수"),
]

TEXTS = [
    ("Обычный русский текст, и ещё.\n", ("cp1251", "koi8-r", "cp866", "iso-8859-5")),
    ("日本語のテキストです。これは試験です。\n", ("cp932", "euc-jp", "iso-2022-jp")),
    ("这是一个简单的中文文本。\n", ("gb18030",)),
    ("這是一個簡單的中文文本。\n", ("big5",)),
    ("이것은 한국어 텍스트입니다.\n", ("cp949",)),
    ("Zażółć gęślą jaźń, mówił ktoś z okna.\n", ("cp1250", "iso-8859-2")),
    ("Příliš žluťoučký kůň úpěl ďábelské ódy.\n", ("cp1250", "iso-8859-2")),
    ("Árvíztűrő tükörfúrógép és még valami.\n", ("cp1250", "iso-8859-2")),
    ("Αυτό είναι ένα ελληνικό κείμενο.\n", ("cp1253", "iso-8859-7")),
    ("Der Rücken über Größe, schön und für alle.\n", ("cp1252", "mac-roman", "cp850")),
    ("Déjà vu à Montréal, où l'été commence.\n", ("cp1252", "mac-roman", "cp850")),
]

WESTERN = """
Größe|Müller|café|naïve|São Paulo|Ångström|Zürich|José|Señor|été|Français|Málaga|Øresund|Århus
Þór|Reykjavík|Köln|Straße|Ärger|Übung|garçon|déjà vu|Noël|Citroën|cœur|El Niño|mañana|Perú|Bogotá
ação|não|você|Malmö|Tromsø|Hyvää päivää|Fuß|à la carte|où|L'été|crème brûlée|résumé|Zoë|Brontë
Curaçao|über|Côte d\u2019Ivoire|Åland|perché|città|così|É|Ü|5 m²|30 °C|“quoted”|5 €
© 2026|\u2013 yes|„Größe“|a\u00d7b|Foo®Bar|L\u00b4été|¿Qué?|1½ Löffel|5\u00b5m|Preis:5€|§5 Größe
"""

DOUBTFUL = [
    pytest.param("Łódź".encode("cp1250"), id="one Polish word"),
    pytest.param("שלום".encode("cp1255"), id="one Hebrew word"),
    pytest.param("Größe".encode("mac-roman"), id="one German word from a Mac"),
    pytest.param(bytes(range(0x80, 0x100)), id="every byte once"),
    pytest.param("caf\x81\x8d".encode("latin-1"), id="bytes without a meaning"),
]


def of_each(texts):
    return [
        pytest.param(text, encoding, id=f"{text[:6]} in {encoding}")
        for text, encodings in texts
        for encoding in encodings
    ]


@pytest.mark.parametrize(("encoding", "name"), NAMES, ids=[f"{a} {b}" for a, b in NAMES])
def test_a_name_in_the_last_row_tells_the_encoding_of_a_table(encoding, name):
    content = f"{ASCII_ROWS}201,{name},last\n".encode(encoding)
    assert list(rows_of(content, "leads.csv"))[-1] == {"id": "201", "name": name, "note": "last"}


@pytest.mark.parametrize(("text", "encoding"), of_each(TEXTS))
@pytest.mark.parametrize("times", [1, 500])
def test_a_text_in_an_old_encoding_is_read(text, encoding, times):
    assert decode((text * times).encode(encoding)).text == text * times


@pytest.mark.parametrize("words", [w for w in WESTERN.replace("\n", "|").split("|") if w])
def test_western_words_among_ascii_are_read_as_ever(words):
    content = f"{ASCII_ROWS}201,{words},last\n".encode("cp1252")
    assert decode(content).text.endswith(f"201,{words},last\n")
    assert decode(words.encode("cp1252")).text == words


@pytest.mark.parametrize("content", DOUBTFUL)
def test_a_text_in_doubt_is_refused_with_advice(content):
    with pytest.raises(Refusal) as refused:
        decode(content)
    assert refused.value.code == "document_unsupported"
    assert refused.value.detail == "its text encoding is unknown; save it as UTF-8"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("text", [*(text for text, _ in TEXTS), "id;имя\r\n1;Иванов\r\n"])
def test_wide_encodings_without_a_mark_are_read_or_refused(text, encoding):
    with contextlib.suppress(Refusal):
        assert decode((text * 3).encode(encoding)).text == text * 3


@pytest.mark.parametrize("text", ["id;имя\r\n1;Иванов\r\n", "Some plain words.\n" * 3])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_read_in_common_scripts(text, encoding):
    assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"plain", "utf-8"),
        ("Größe".encode(), "utf-8"),
        ("Größe".encode("utf-8-sig"), "utf-8-sig"),
        ("Größe".encode("utf-16"), "utf-16"),
        ("Größe".encode("cp1252"), "cp1252"),
        ("Обычный русский текст".encode("cp1251"), "cp1251"),
    ],
)
async def test_the_encoding_that_was_taken_is_told(tmp_path: Path, content, encoding):
    path = tmp_path / "stored"
    path.write_bytes(content)
    assert (await read_here(path, "a.txt")).encoding == encoding
    path.write_bytes(b"<!doctype html><p>" + content if encoding[:3] != "utf" else content)
    assert (await read_here(path, "a.html")).encoding == encoding


async def test_a_page_that_names_the_wrong_encoding_is_read_as_what_it_is(tmp_path: Path):
    path = tmp_path / "stored"
    words = "Обычный русский текст"
    path.write_bytes(f"<html><meta charset=utf-8><p>{words}".encode("cp1251"))
    assert (await read_here(path, "a.html")).text == words


async def test_a_file_that_ends_in_another_encoding_than_it_begins_is_refused(tmp_path: Path):
    path = tmp_path / "stored"
    path.write_bytes("这是一个简单的中文文本。\n".encode("gb18030") * 2000 + b"\xff\xff\n")
    with pytest.raises(DocumentUnsupported, match="encoding is unknown"):
        await read_here(path, "a.txt")


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a" * 20_000_000 + b"\xff\xff", id="one long piece"),
        pytest.param(b"\xff\xff," * 7_000_000, id="many pieces"),
        pytest.param(b"\xc8\xe2" * 10_000_000, id="one word"),
        pytest.param(b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xe9 " * 500_000, id="many words"),
    ],
)
def test_the_time_to_detect_does_not_grow_with_the_text(content):
    detect_encoding(content)
