"""Packages of hooks, for tests."""

from pathlib import Path

from telemetry.hooks import ENTRY_POINT_GROUP


def install(folder: Path, module: str, *points: str) -> Path:
    """Put a module into a folder, with what an installer would write beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "acme_hooks.py").write_text(module)
    info = folder / "acme_hooks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-hooks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([f"[{ENTRY_POINT_GROUP}]", *points, ""]))
    return folder
