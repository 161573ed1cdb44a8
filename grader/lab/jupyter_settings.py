"""What the course sets in JupyterLab, however it is started."""

from __future__ import annotations

import json
import os
from pathlib import Path

from grader.lab.server import LABEXTENSIONS, SERVER

# The instructor's parts of nbgrader stay out of a student's JupyterLab; Validate stays in.
_OFF_IN_SERVER = ("formgrader", "assignment_list", "course_list", "validate_assignment")
_VALIDATE = "grader.lab.validate"  # in place of nbgrader's, which imports all of nbgrader first
_OFF_IN_LAB = ("menu", "formgrader", "assignment-list", "course-list", "create-assignment")

_CSS = """\
/* What a command prints scrolls sideways, as tables of `docker ps` must: folded, their columns are lost. */
.jp-RenderedText[data-mime-type="application/vnd.jupyter.stdout"] pre { white-space: pre; overflow-x: auto }
"""
_INSTRUCTORS = ["grader.lab.fresh_gradebook", "grader.grading.judge.received"]


def settings(*, instructor: bool = False) -> dict[str, dict[str, object]]:
    """JupyterLab's options for the course, by the part that they belong to, however it is started."""
    extensions = {f"nbgrader.server_extensions.{name}": instructor for name in _OFF_IN_SERVER}
    extensions |= dict.fromkeys(_INSTRUCTORS if instructor else [SERVER, _VALIDATE], True)
    server: dict[str, object] = {"jpserver_extensions": extensions}
    lab: dict[str, object] = {
        "custom_css": True,
        "news_url": None,
        "extension_manager": "readonly",
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    if not instructor:
        # The start page and the panel; terminals in which ``docker`` is the engine's: Jupyter would start a
        # login shell, and /etc/profile take our folders out of its PATH.
        lab["extra_labextensions_path"] = [str(LABEXTENSIONS)]
        shell = os.environ.get("SHELL", "")
        server["terminado_settings"] = {"shell_command": [shell if os.access(shell, os.X_OK) else "/bin/sh"]}
    # It would look for a dozen programs.
    return {"ServerApp": server, "LabApp": lab, "LanguageServerManager": {"autodetect": False}}


def write_settings(config: Path, *, instructor: bool = False) -> None:
    """Separate settings, so that no ~/.jupyter opens the server to the network or breaks it."""
    folder = config / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    page = {"disabledExtensions": {f"@jupyter/nbgrader:{name}": not instructor for name in _OFF_IN_LAB}}
    (folder / "page_config.json").write_text(json.dumps(page, indent=2) + "\n")
    # No question about news on the first screen, and nothing asked of the internet.
    quiet = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    # Seconds. JupyterLab's two minutes are long for a start page that counts what is saved.
    quiet["@jupyterlab/docmanager-extension:plugin"] = {"autosaveInterval": 30}
    (folder / "default_setting_overrides.json").write_text(json.dumps(quiet, indent=2) + "\n")
    css = config / "custom" / "custom.css"
    css.parent.mkdir(exist_ok=True)
    css.write_text(_CSS)
