"""The lab that runs over a workspace, if one does: its address, and its engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import psutil

from grader.engine.running_engines import EngineInfo, running
from grader.workspace.record import PRIVATE

_ROOT = "--ServerApp.root_dir="


@dataclass(frozen=True)
class RunningLab:
    """``address`` is what to open in a browser, token included. ``engine`` is None on the student's own
    Docker."""

    address: str
    engine: EngineInfo | None


def running_lab_over(workspace: Path) -> RunningLab | None:
    """The newest JupyterLab that `dockbook lab` runs for this folder; None if there is none."""
    found = []
    for path in (workspace / PRIVATE / "run").glob("jpserver-*.json"):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            pid, port = int(told["pid"]), int(told["port"])
            process = psutil.Process(pid)
            # A killed server leaves its file, and its number may be another process's by now.
            roots = [one.removeprefix(_ROOT) for one in process.cmdline() if one.startswith(_ROOT)]
            serves = any(Path(root).samefile(workspace) for root in roots)
            owner, since = process.ppid(), process.create_time()
            base, token = str(told.get("base_url", "/")), str(told.get("token", ""))
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            continue
        if serves:
            address = f"http://127.0.0.1:{port}{base}lab" + (f"?token={token}" if token else "")
            found.append((since, owner, address))
    if not found:
        return None
    _, owner, address = max(found)
    engines = [one for one in running() if one.owner_pid == owner]
    return RunningLab(address, engines[-1] if engines else None)
