"""The extension of Jupyter's server: the start page's data, and the engine's state as it changes.

Both answer only authorized users of this server. They are read-only: nothing that comes from a browser
reaches the engine.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import DockerException
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from grader import variables
from grader.course import Course
from grader.engine.base import BACKENDS
from grader.engine.choose import backend
from grader.engine.running_engines import running
from grader.errors import DockbookError
from grader.lab.server import PORTS
from grader.lab.server.start_page import start_page
from grader.lab.server.watch import Pace, State, Watch
from grader.workspace.record import PRIVATE

MOST_LISTENERS = 20
_ANSWER_S = 5
_LINGER_S = 10.0


class SharedState:
    """What the handlers share: the workspace, its course, and one watcher of the engine while a client
    listens."""

    def __init__(
        self,
        workspace: Path,
        course: Path | None,
        docker_host: str,
        *,
        pace: Pace | None = None,
        proxy: str = "",
    ) -> None:
        self.workspace, self._pace, self._proxy = workspace, pace, proxy
        self._course, self._docker_host = course, docker_host
        self.session = secrets.token_hex(8)
        self.listeners: set[WatchHandler] = set()
        self._watch: Watch | None = None
        self._last: State | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start_page(self) -> dict[str, Any]:
        """Raises DockbookError when there is no course or no workspace any more."""
        found = start_page(self.workspace, Course.find(self._course))
        return found | {"session": self.session, "engine": self.engine()}

    def engine(self) -> dict[str, str]:
        """Which backend, in a word and in a line."""
        found = [one.backend for one in running() if one.docker_host == self._docker_host]
        name = found[0] if found else "host"
        return {"backend": name, "about": backend(name).about if name in BACKENDS else ""}

    # One watcher for all

    @property
    def status(self) -> str:
        """The engine's last reported state; empty before."""
        return str(self._last["status"]) if self._last else ""

    def listen(self, one: WatchHandler) -> bool:
        """Send this handler each new state from now on; False when there are too many handlers."""
        if len(self.listeners) >= MOST_LISTENERS:
            return False
        self.listeners.add(one)
        if self._watch is None or self.status == "gone":
            self.again()
        elif self._last is not None:
            one.send_state(self._last)
        return True

    def leave(self, one: WatchHandler) -> None:
        """Send it nothing more. A page that is reloaded is back before the watcher ends."""
        self.listeners.discard(one)
        if not self.listeners and self._loop is not None:
            self._loop.call_later(_LINGER_S, self._rest)

    def _rest(self) -> None:
        if not self.listeners:
            self.end()

    def again(self) -> None:
        """Look for the engine again."""
        self.end()
        self._loop = asyncio.get_running_loop()
        self._watch = Watch(self._client, self._hear, taken=self._taken, pace=self._pace, proxy=self._proxy)
        self._watch.start()

    def end(self) -> None:
        """End the watcher, if there is one."""
        watch, self._watch, self._last = self._watch, None, None
        if watch is not None and self._loop is not None:
            # It may wait for an engine: not in the loop that serves the notebooks.
            self._loop.run_in_executor(None, watch.stop)

    def _hear(self, watch: Watch, state: State) -> None:
        """Called in the watcher's thread; Jupyter's loop may be closing."""
        with suppress(RuntimeError):
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._tell, watch, state)

    def _tell(self, watch: Watch, state: State) -> None:
        if watch is not self._watch:
            return  # the last message of one that was ended
        self._last = state
        for one in list(self.listeners):
            one.send_state(state)

    def _client(self) -> DockerClient:
        if not self._docker_host:
            raise DockerException("no DOCKER_HOST")  # docker-py would connect to this machine's own Docker
        return DockerClient(base_url=self._docker_host, timeout=_ANSWER_S)

    def _taken(self) -> Collection[str]:
        """Published ports that cannot answer here, as the lab noted them."""
        with suppress(OSError, ValueError):
            found = json.loads((self.workspace / PRIVATE / PORTS).read_text(encoding="utf-8"))
            if isinstance(found, dict) and isinstance(found.get("taken"), list):
                return [str(one) for one in found["taken"]]
        return ()


class StartHandler(APIHandler):
    """``GET dockbook/start``: the start page's data."""

    def initialize(self, shared: SharedState) -> None:
        """Called by tornado."""
        self.shared = shared

    @web.authenticated
    async def get(self) -> None:
        """The data as JSON; 503 with the reason and the next step when there is none."""
        loop = asyncio.get_running_loop()
        try:
            # It reads every notebook: not in the loop that serves them.
            found = await loop.run_in_executor(None, self.shared.start_page)
        except (DockbookError, OSError) as error:
            self.set_status(503)
            found = {"message": str(error)}
        self.finish(json.dumps(found))


class WatchHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``dockbook/watch``: the engine's state, whenever it has changed."""

    def initialize(self, shared: SharedState) -> None:
        """Called by tornado."""
        self.shared = shared
        self._sending = False
        self._waiting: State | None = None
        self._sender: asyncio.Future[None] | None = None

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Becomes a websocket for authorized users of this server."""
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Called by tornado."""
        super().open(*args, **kwargs)
        if not self.shared.listen(self):
            self.close(1013, "too many pages are watching already")

    def on_message(self, message: str | bytes) -> None:
        """One word is understood: to look for an engine that was given up."""
        if message == "again" and self.shared.status == "gone":
            self.shared.again()

    def on_close(self) -> None:
        """Called by tornado."""
        self.shared.leave(self)

    def send_state(self, state: State) -> None:
        """Send it; to a browser that is slow to take them, only the newest."""
        self._waiting = state
        if not self._sending:
            self._sending = True
            self._sender = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        try:
            while (state := self._waiting) is not None:
                self._waiting = None
                await self.write_message(json.dumps(state))
        except WebSocketClosedError:
            self.shared.leave(self)
        finally:
            self._sending = False


def _load_jupyter_server_extension(server: Any) -> None:
    """Called by Jupyter Server."""
    course = os.environ.pop(variables.SERVER_COURSE, "")
    base = server.web_app.settings["base_url"]
    shared = SharedState(
        Path(server.root_dir),
        Path(course) if course else None,
        os.environ.get("DOCKER_HOST", ""),
        proxy=url_path_join(base, "proxy") if os.environ.pop(variables.SERVER_PROXY, "") else "",
    )
    given = {"shared": shared}
    server.web_app.add_handlers(
        ".*$",
        [
            (url_path_join(base, "dockbook", "start"), StartHandler, given),
            (url_path_join(base, "dockbook", "watch"), WatchHandler, given),
        ],
    )
