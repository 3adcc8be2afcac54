"""`python -m benchmarks [--quick] [NAME …]`: measure, and write the report."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from benchmarks import delay, fanout, gateway, recovery, report, throughput, waiting

MEASUREMENTS: dict[str, Callable[..., Awaitable[list[report.Section]]]] = {
    "throughput": throughput.measure,
    "delay": delay.measure,
    "waiting": waiting.measure,
    "recovery": recovery.measure,
    "gateway": gateway.measure,
    "fanout": fanout.measure,
}


async def run(names: list[str], output: Path, *, quick: bool) -> Path:
    """Run measurements one after the other, each on a fresh stack; return the report's path."""
    sections: list[report.Section] = []
    for name in names:
        print(f"measuring {name} …", flush=True)
        folder = Path(tempfile.mkdtemp(prefix=f"backburner-{name}-"))
        try:
            sections += await MEASUREMENTS[name](folder, quick=quick)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print("\n".join(each.markdown() for each in sections[-1:]), flush=True)
    return report.write(output, sections, f"make bench ARGS='{' '.join(sys.argv[1:])}'")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(MEASUREMENTS), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="two minutes instead of half an hour")
    parser.add_argument("--output", type=Path, default=Path(".backburner/benchmarks"))
    given = parser.parse_args()
    if unknown := set(given.names) - MEASUREMENTS.keys():
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    print(f"wrote {uvloop.run(run(given.names, given.output, quick=given.quick))}")


if __name__ == "__main__":
    main()
