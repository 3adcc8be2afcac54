"""Draw the architecture picture of the README: `python -m docs.images.architecture`.

The drawing has its own background and follows the reader's colour scheme, so it can be read on
light and on dark pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

FILE = Path(__file__).with_name("architecture.svg")
WIDTH, HEIGHT = 1200, 545

STYLE = """
  svg { --panel: #ffffff; --edge: #d0d7de; --text: #1f2328; --soft: #59636e; --line: #57606a;
        --group: #f6f8fa; --ours: #ddf4ff; --ours-edge: #54aeff;
        --store: #dafbe1; --store-edge: #4ac26b;
        --temporal: #fbefff; --temporal-edge: #c297ff; --other: #fff8c5; --other-edge: #d4a72c; }
  @media (prefers-color-scheme: dark) {
    svg { --panel: #0d1117; --edge: #3d444d; --text: #f0f6fc; --soft: #9198a1; --line: #9198a1;
          --group: #151b23; --ours: #12263f; --ours-edge: #1f6feb;
          --store: #12261e; --store-edge: #238636;
          --temporal: #271d3d; --temporal-edge: #8957e5; --other: #2e2411; --other-edge: #9e6a03; }
  }
  text { font-family: -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif;
         fill: var(--text); }
  .panel { fill: var(--panel); stroke: var(--edge); }
  .group { fill: var(--group); stroke: var(--edge); stroke-dasharray: 6 4; }
  .ours { fill: var(--ours); stroke: var(--ours-edge); }
  .store { fill: var(--store); stroke: var(--store-edge); }
  .temporal { fill: var(--temporal); stroke: var(--temporal-edge); }
  .other { fill: var(--other); stroke: var(--other-edge); }
  .panel, .group { stroke-width: 1; }
  .ours, .store, .temporal, .other { stroke-width: 1.5; }
  .title { font-size: 18px; font-weight: 600; text-anchor: middle; }
  .detail, .label { font-size: 14px; fill: var(--soft); text-anchor: middle; }
  .name { font-size: 14px; font-weight: 600; fill: var(--soft); }
  .arrow { fill: none; stroke: var(--line); stroke-width: 1.8; marker-end: url(#head); }
  .both { marker-start: url(#head); }
  .later { stroke-dasharray: 5 4; }
  .head { fill: var(--line); }
"""
HEAD = (
    '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
    'markerHeight="7" orient="auto-start-reverse">'
    '<path class="head" d="M0 0L10 5L0 10z"/></marker></defs>'
)


@dataclass(frozen=True)
class Box:
    """A box with a title and lines below it.

    Attributes:
        kind: Whose it is: `ours`, `temporal`, `store` or `other`; it chooses the colour.
    """

    kind: str
    left: int
    top: int
    width: int
    height: int
    title: str
    details: tuple[str, ...] = ()

    def svg(self) -> str:
        """Return the box, its lines centred in it."""
        middle = self.left + self.width // 2
        first = self.top + self.height // 2 + 6 - 10 * len(self.details)
        lines = [
            f'<rect class="{self.kind}" x="{self.left}" y="{self.top}" width="{self.width}" '
            f'height="{self.height}" rx="10"/>',
            f'<text class="title" x="{middle}" y="{first}">{escape(self.title)}</text>',
        ]
        lines += [
            f'<text class="detail" x="{middle}" y="{first + 2 + 20 * number}">{escape(line)}</text>'
            for number, line in enumerate(self.details, 1)
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Arrow:
    """A line through points, with lines of text around a place.

    Attributes:
        at: Where the middle of the first line stands.
        look: Further classes: `both` for two heads, `later` for what happens when something ended.
    """

    points: Sequence[tuple[int, int]]
    label: tuple[str, ...] = ()
    at: tuple[int, int] = (0, 0)
    look: str = ""

    def svg(self) -> str:
        """Return the line and its label."""
        path = "L".join(f"{x} {y}" for x, y in self.points)
        x, y = self.at
        lines = [f'<path class="arrow {self.look}" d="M{path}"/>']
        lines += [
            f'<text class="label" x="{x}" y="{y + 18 * number}">{escape(line)}</text>'
            for number, line in enumerate(self.label)
        ]
        return "\n".join(lines)


BOXES = (
    Box("other", 25, 185, 180, 110, "Your application", ("REST, Python SDK,", "command line")),
    Box("ours", 315, 185, 160, 110, "Gateway", ("checks, records,", "starts, answers")),
    Box("temporal", 565, 185, 160, 110, "Temporal", ("one workflow", "for each job")),
    Box("ours", 805, 185, 160, 110, "Workers", ("run workflows", "and activities")),
    Box("other", 1065, 185, 110, 110, "OpenAI", ("Responses", "API")),
    Box("store", 315, 380, 410, 80, "Postgres", ("jobs, events, ledger of responses, outbox",)),
    Box("store", 765, 380, 200, 80, "Object store", ("documents, large values",)),
)
ARROWS = (
    Arrow(((205, 222), (315, 222)), ("submit",), (250, 212)),
    Arrow(((315, 258), (205, 258)), ("id, status,", "result"), (250, 277)),
    Arrow(((475, 240), (565, 240)), ("start,", "cancel"), (518, 212)),
    Arrow(((725, 240), (805, 240)), ("tasks",), (765, 230), "both"),
    Arrow(((965, 222), (1065, 222)), ("submit,", "cancel"), (1025, 194)),
    Arrow(((1065, 258), (965, 258)), ("answer",), (1025, 277)),
    Arrow(((1120, 185), (1120, 105), (395, 105), (395, 185)), look="later"),
    Arrow(((395, 295), (395, 380)), look="both"),
    Arrow(((830, 295), (830, 338), (645, 338), (645, 380)), look="both"),
    Arrow(((885, 295), (885, 380)), look="both"),
    Arrow(
        ((940, 295), (940, 338), (1020, 338), (1020, 518), (115, 518), (115, 295)),
        look="later",
    ),
)
NOTES = (
    (757, 96, "webhook: a response has ended"),
    (568, 508, "signed callback, e-mail or chat message: a job has ended, or needs an approval"),
)


def draw() -> str:
    """Return the picture as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="title description">',
        '<title id="title">Architecture of Backburner</title>',
        '<desc id="description">An application submits a job to the gateway. The gateway '
        "records it in Postgres and starts a Temporal workflow. Workers run the workflow, "
        "submit background responses to OpenAI and record what they return. "
        "Callbacks tell the application when the job has ended.</desc>",
        f"<style>{STYLE}</style>",
        HEAD,
        f'<rect class="panel" x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="14"/>',
        '<rect class="group" x="295" y="28" width="690" height="452" rx="14"/>',
        '<text class="name" x="315" y="57">Backburner, on your machines</text>',
        *(arrow.svg() for arrow in ARROWS),
        *(box.svg() for box in BOXES),
        *(f'<text class="label" x="{x}" y="{y}">{escape(text)}</text>' for x, y, text in NOTES),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write the picture."""
    FILE.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
