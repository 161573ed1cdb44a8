"""What is noted about a workspace: its owner, what was handed out. Standard library only: kernels read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grader.files import write_whole

PRIVATE = ".dockbook"
"""Dockbook's own folder in the workspace: what was handed out, receipts, JupyterLab's settings and log."""
RECORD = Path(PRIVATE, "workspace.json")


def student_of(workspace: Path) -> str | None:
    """The id that the workspace was made for, if one was given."""
    found = read_record(workspace).get("student")
    return found if isinstance(found, str) else None


def read_record(workspace: Path) -> dict[str, Any]:
    """The record; an empty one when there is none or it is damaged (then releases are put next to the
    notebooks again)."""
    try:
        found = json.loads((workspace / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("given"), dict):
        found = {"student": None, "given": {}}
    for name in ("sources", "made_of"):
        if not isinstance(found.get(name), dict):
            found[name] = {}
    return found


def write_record(workspace: Path, record: dict[str, Any]) -> None:
    """Put the record in place of the earlier one, in one step. Raises OSError."""
    path = workspace / RECORD
    path.parent.mkdir(exist_ok=True)
    write_whole(path, json.dumps(record, indent=2) + "\n", mode=0o600)
