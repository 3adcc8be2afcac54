"""The `backburner` command line.

What a command answers goes to standard output, everything said on the way to standard error. On a
terminal answers are tables, in a pipe they are JSON; `--output` decides otherwise.
"""

from backburner.cli.app import app, main

__all__ = ["app", "main"]
