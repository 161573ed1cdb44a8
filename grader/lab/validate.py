"""nbgrader's Validate button, loading nbgrader only when it is pressed: JupyterLab starts a second sooner.

An extension of Jupyter's server in place of ``nbgrader.server_extensions.validate_assignment``: the same
addresses, the same answers, from the same code.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web


class Validate(JupyterHandler):
    """Validates a notebook of the workspace."""

    @web.authenticated
    def post(self) -> None:
        """What nbgrader says of the notebook at ``path``."""
        from nbgrader.server_extensions.validate_assignment.handlers import ValidateAssignmentHandler

        path = self.get_argument("path", None) or (self.get_json_body() or {}).get("path", "")
        handler = ValidateAssignmentHandler(self.application, self.request)
        self.finish(json.dumps(handler.validate_notebook(path)))


class NbgraderVersion(JupyterHandler):
    """Asked by the button before it appears."""

    @web.authenticated
    def get(self) -> None:
        """Whether the browser's part is of the installed nbgrader."""
        in_browser, installed = self.get_argument("version"), version("nbgrader")
        message = f"The Validate button is from nbgrader {in_browser}, not {installed}: reload the page."
        self.finish(
            json.dumps(
                {"success": True} if in_browser == installed else {"success": False, "message": message}
            )
        )


def _load_jupyter_server_extension(server: Any) -> None:
    settings = server.web_app.settings
    settings["root_dir"] = server.root_dir
    handlers = (("/assignments/validate", Validate), ("/nbgrader_version", NbgraderVersion))
    base = settings["base_url"]
    server.web_app.add_handlers(".*$", [(url_path_join(base, path), handler) for path, handler in handlers])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]
