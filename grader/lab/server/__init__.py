"""What a student sees in JupyterLab besides the notebooks: the start page and the live panel.

``server`` is the extension of Jupyter's server that answers them, ``labextensions`` the folder with the
browser's side: plain JavaScript that needs no build. Both are on the command line of `dockbook lab` and in
the settings of `dockbook session`, so no other JupyterLab of this environment has them.
"""

from __future__ import annotations

from pathlib import Path

LABEXTENSIONS = Path(__file__).with_name("labextensions")
"""What JupyterLab is told to look for extensions in."""
SERVER = "grader.lab.server.extension"
"""The extension of Jupyter's server."""
PORTS = Path("run", "ports.json")
"""Below the workspace's private folder: which published ports answer on this machine, and which cannot."""
