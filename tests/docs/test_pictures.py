"""Pictures fit what they are drawn from, and diagrams in pages are whole."""

import re
import xml.etree.ElementTree as ET

import pytest

from docs.images import architecture, plots, screenshots
from tests.docs.pages import ROOT, Block, every

DRAWINGS = [plots.delay, plots.throughput, plots.waiting, plots.recovery]
MESSAGE = re.compile(r"^ *(\w+) *-+>?>[+-]? *(\w+) *: *\S", re.MULTILINE)
BLOCK = re.compile(r"^ *(alt|opt|loop|par|critical|rect|box|end)\b", re.MULTILINE)
LARGEST = 250_000


def test_the_architecture_picture_is_what_its_script_draws():
    assert architecture.FILE.read_text(encoding="utf-8") == architecture.draw()


@pytest.mark.parametrize("draw", DRAWINGS, ids=lambda draw: draw.__name__)
def test_the_page_has_the_figures_of_each_plot_and_shows_it(draw):
    assert draw().axes
    assert f"(images/{draw.__name__}.svg)" in plots.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs/images").glob("*.*g")), ids=lambda path: path.name
)
def test_a_picture_is_small_and_whole(path):
    assert path.stat().st_size < LARGEST
    if path.suffix == ".svg":
        ET.fromstring(path.read_bytes())  # noqa: S314 # a file of our own


@pytest.mark.parametrize("block", every("mermaid"), ids=lambda block: block.page.name)
def test_a_sequence_diagram_declares_who_speaks_and_closes_what_it_opens(block: Block):
    declared = set(re.findall(r"^ *(?:participant|actor) (\w+)", block.text, re.MULTILINE))
    spoken = {name for pair in MESSAGE.findall(block.text) for name in pair}
    opened = BLOCK.findall(block.text)
    assert block.text.startswith("sequenceDiagram")
    assert spoken
    assert spoken <= declared
    assert len(opened) == 2 * opened.count("end")


def test_without_a_browser_the_script_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="apt install chromium"):
        screenshots.find_browser()
