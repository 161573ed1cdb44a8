"""For the formgrader's server: each request sees the current gradebook.

nbgrader's formgrader opens the gradebook once and keeps showing the grades it read first, whatever
`dockbook grade` has written since.
"""

from __future__ import annotations

from typing import Any


def _load_jupyter_server_extension(_server: Any) -> None:
    """Called by Jupyter Server."""
    from nbgrader.server_extensions.formgrader.base import BaseHandler

    finish = BaseHandler.on_finish

    def on_finish(self: Any) -> None:
        finish(self)
        gradebook = self.settings.get("nbgrader_gradebook")
        if gradebook is not None:
            # The next request opens it again.
            self.settings["nbgrader_gradebook"] = None
            gradebook.close()

    BaseHandler.on_finish = on_finish
