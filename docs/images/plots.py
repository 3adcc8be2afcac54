"""Draw the plots of docs/performance.md from its own tables: `python -m docs.images.plots`."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "performance.md"
BLUE, LIGHT, GREEN, GREY = "#0969da", "#80ccff", "#2da44e", "#59636e"

mpl.rcParams.update(
    {
        "svg.hashsalt": "backburner",  # the same figures give the same file
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.sans-serif": ["Noto Sans", "Helvetica", "Arial", "DejaVu Sans"],
        "font.size": 11,
        "axes.edgecolor": GREY,
        "axes.labelcolor": GREY,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "figure.facecolor": "white",  # readable on a dark page too
    }
)

Row = dict[str, str]


def table(title: str) -> list[Row]:
    """Return the rows of the table that follows a bold title on the page.

    Raises:
        ValueError: The page has no such table.
    """
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n**{title}**")
    lines = [line for line in rest.partition("\n|")[2].partition("\n\n")[0].splitlines() if line]
    if len(lines) < 3:
        raise ValueError(f"docs/performance.md has no table after **{title}**")
    header, _, *rows = (
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines
    )
    return [dict(zip(header, row, strict=True)) for row in rows]


def delay() -> Figure:
    """Draw the added delay with webhooks and with polls, as far as each was measured."""
    rows = [row for row in table("Delay") if row["machine"] == "A"]
    shown = [
        (f"{row['how the end is found']}, {name}", float(row[name]), colour)
        for row in rows
        for name, colour in (("median", BLUE), ("p95", LIGHT), ("p99", LIGHT))
        if row[name] != "not measured"
    ]
    figure, axes = _figure(2.3)
    bars = axes.barh(
        [name for name, _, _ in shown],
        [value for _, value, _ in shown],
        color=[colour for _, _, colour in shown],
    )
    axes.bar_label(bars, fmt="{:,.0f} ms", padding=4, color=GREY)
    axes.set(xlabel="milliseconds added to a job", xlim=(0, 1250))
    axes.invert_yaxis()
    return figure


def throughput() -> Figure:
    """Draw each ratio to bare Temporal with its range."""
    rows = table("Throughput")
    names = [row["measurement"] for row in rows]
    medians = [float(row["median"]) for row in rows]
    below = [median - float(row["least"]) for median, row in zip(medians, rows, strict=True)]
    above = [float(row["greatest"]) - median for median, row in zip(medians, rows, strict=True)]
    figure, axes = _figure(2.9)
    axes.axvline(1, color=GREY, linestyle="--", linewidth=1)
    axes.errorbar(
        medians, names, xerr=[below, above], fmt="o", color=BLUE, ecolor=LIGHT, elinewidth=4
    )
    for median, name in zip(medians, names, strict=True):
        axes.annotate(
            f"{median:.2f}", (median, name), (0, 7), textcoords="offset points", ha="center"
        )
    axes.set(xlabel="jobs per second, as a multiple of bare Temporal", xlim=(0.75, 1.6))
    axes.margins(y=0.12)
    axes.invert_yaxis()
    return figure


def waiting() -> Figure:
    """Draw what waiting costs a worker: memory on the left, CPU on the right."""
    rows = table("Waiting")
    counts = [f"{int(row['responses waited for']):,}" for row in rows]
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, column, colour, form in (
        (left, "memory, MiB", BLUE, "{:.0f}"),
        (right, "CPU, cores", GREEN, "{:.2f}"),
    ):
        values = [float(row[column]) for row in rows]
        bars = axes.bar(counts, values, color=colour, width=0.55)
        axes.bar_label(bars, fmt=form, padding=3, color=GREY)
        axes.set(xlabel="responses waited for", ylabel=column, ylim=(0, max(values) * 1.15))
    return figure


def recovery() -> Figure:
    """Draw how long it takes until new work is done and until everything has ended."""
    rows = table("Recovery")
    figure, axes = _figure(2.3)
    for shift, column, colour in (
        (-0.2, "new work is done", LIGHT),
        (0.2, "everything has ended", BLUE),
    ):
        places = [number + shift for number in range(len(rows))]
        bars = axes.barh(
            places, [float(row[column]) for row in rows], height=0.36, color=colour, label=column
        )
        axes.bar_label(bars, fmt="%.0f s", padding=4, color=GREY)
    axes.set_yticks(range(len(rows)), [row["process killed"] for row in rows])
    axes.set(xlabel="seconds", xlim=(0, 38))
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="lower right")
    return figure


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, height), layout="constrained")
    return figure, figure.subplots()


def main() -> None:
    """Write the plots."""
    for draw in (delay, throughput, waiting, recovery):
        draw().savefig(FOLDER / f"{draw.__name__}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
