"""`python -m tests.chaos [--seed N] [--jobs N] [--seconds S] [--rounds N]`: storm after storm."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.storm import storm


def main() -> int:
    """Run storms until one breaks a promise; its seed repeats it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="of the first storm; drawn when left out")
    parser.add_argument("--jobs", type=int, default=50, help="of each of the four clients")
    parser.add_argument("--seconds", type=float, default=120, help="how long things break")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    first = given.seed if given.seed is not None else random.randrange(10_000)
    for seed in range(first, first + given.rounds):
        folder = Path(tempfile.mkdtemp(prefix=f"backburner-chaos-{seed}-"))
        broken = asyncio.run(storm(folder, seed=seed, jobs=given.jobs, seconds=given.seconds))
        sys.stdout.write(f"seed {seed}: {len(broken)} promises broken; diary in {folder}\n")
        for each in broken:
            sys.stdout.write(f"  {each}\n")
        if broken:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
