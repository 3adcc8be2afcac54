"""The `backburner` command line.

What a command answers goes to standard output, everything else to standard error. On a terminal
answers are tables, in a pipe they are JSON; `--output` decides otherwise.
"""

import sys

NEEDED = frozenset({"typer", "rich"})


def main() -> None:
    """Run the command line."""
    try:
        from backburner.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        sys.exit("backburner: the command line needs pip install 'backburner-client[cli]'")
    app()
