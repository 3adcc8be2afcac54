"""`python -m local up` and `python -m local demo`; the `backburner` command calls these."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console

from local.demo import demo, up
from local.processes import ServerTrouble

INTERRUPTED = 130
"""What shells report for a program ended by Ctrl-C."""


def main() -> int:
    """Run a command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=["up", "demo"])
    parser.add_argument("--data", type=Path, default=Path(".backburner"), help="data folder")
    arguments = parser.parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    console = Console()
    commands = {"up": up, "demo": demo}
    try:
        return asyncio.run(_until_told(commands[arguments.command](arguments.data, console)))
    except ServerTrouble as trouble:
        console.print(f"[red]Cannot go on:[/] {trouble}", highlight=False)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped.")
        return INTERRUPTED


async def _until_told(work: Coroutine[Any, Any, int]) -> int:
    """Run a command; SIGTERM ends it as Ctrl-C does, so that every part is stopped in order."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
