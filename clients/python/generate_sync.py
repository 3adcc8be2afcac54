"""Generate `backburner/_sync` from `backburner/_async`; with `--check`, only compare.

The asynchronous client is written by hand and the synchronous one never is. Tokens are replaced as
in httpcore and elasticsearch-py; ruff then sorts the imports and sets the lines anew.
"""

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent / "backburner"
SOURCE, TARGET = PACKAGE / "_async", PACKAGE / "_sync"
NOTICE = "# Generated from {name} by generate_sync.py: change that file, not this one.\n"
REPLACEMENTS = (
    (r"await asyncio\.to_thread\(([\w.]+), ", r"\1("),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"^import asyncio$", "import time"),
    (r"\bAsyncClient\b", "Client"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync (?=def|with|for)", ""),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit|iter|next)__", r"__\1__"),
    (r"\ba(close|closing|read)\b", r"\1"),
    (r"\b_async\b", "_sync"),
    (r"^\"\"\"The asynchronous client, .*", '"""The synchronous client."""'),
)


def synchronous(source: Path) -> str:
    """Return the synchronous version of an asynchronous module."""
    text = source.read_text(encoding="utf-8")
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    text = NOTICE.format(name=f"_async/{source.name}") + text
    for command in (["check", "--select", "I,F401,F811", "--fix"], ["format"]):
        text = _ruff(command, text, TARGET / source.name)
    return text


def _ruff(command: list[str], text: str, path: Path) -> str:
    ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename", str(path), "-"]
    done = subprocess.run(  # noqa: S603 # a program of our own environment
        ruff, input=text, capture_output=True, check=False, text=True, encoding="utf-8"
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def main() -> None:
    """Write the synchronous modules, or exit with their names when they are out of date."""
    wanted = {TARGET / each.name: synchronous(each) for each in sorted(SOURCE.glob("*.py"))}
    stale = [each for each in TARGET.glob("*.py") if each not in wanted]
    stale += [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        sys.exit("\n".join(f"out of date: {path.name}" for path in stale) or None)
    for path in stale:
        if path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()


if __name__ == "__main__":
    main()
