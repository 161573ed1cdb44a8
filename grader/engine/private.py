"""An engine with a keeper, as its owner sees it: what the sandbox and the nested backend have in common.

A keeper process makes and ends the engine, and holds a unix socket for its API in the engine's folder. When
this process ends, however it ends, the keeper takes everything away.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import selectors
import shutil
import socket
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from grader import paths, variables
from grader.engine import running_engines
from grader.engine.base import Engine, limits_line, undone_by
from grader.engine.control import Control
from grader.engine.system import keeper_requests
from grader.engine.system.programs import last_words
from grader.errors import EngineDied, EngineError
from grader.unix_socket import connect

if TYPE_CHECKING:
    from docker import DockerClient

START_DEADLINE_S = 60


class PrivateEngine(Engine):
    """Names, folder and requests. A backend's own ``_begin`` starts ``_control``, waits, and announces.

    ``bin_folder``: a folder with a ``docker`` for commands on this machine, None where the user's own
    serves; ``cli_plugins``: folders with its plugins.
    """

    keeper: str
    """The module of its keeper."""
    look_s = 0
    """Seconds that a student's check may take for a look; 0: the usual."""

    def __init__(self, bin_folder: Path | None, cli_plugins: Sequence[Path]) -> None:
        self.id = secrets.token_hex(4)
        self.token = secrets.token_hex(16)
        self.runtime = paths.runtime_folder() / self.id
        self.docker_host = f"unix://{self.runtime}/docker.sock"
        self._bin, self._docker_config = bin_folder, self.runtime / "docker-config"
        self._cli_plugins = list(cli_plugins)
        self._api_version: str | None = None
        self._control = Control(self.keeper)
        self._started = 0.0

    def start(self) -> Self:
        """The keeper, then the engine's first answer. Raises EngineUnavailable, EngineDied."""
        self._started = time.monotonic()
        running_engines.sweep()
        with undone_by(self.close):
            self._begin()
        return self

    @abstractmethod
    def _begin(self) -> None:
        """A backend's own part of ``start``."""

    def _announce(self, label: str) -> None:
        """Let ``running_engines.running`` find the engine, under this name."""
        running_engines.announce(
            self.runtime,
            running_engines.EngineInfo(
                id=self.id,
                backend=self.backend,
                docker_host=self.docker_host,
                owner_pid=os.getpid(),
                started_at=time.time(),
                label=label,
                bin=str(self._bin or ""),
                docker_config=str(self._docker_config),
                control=self._door,
                look_s=self.look_s,
            ),
        )

    def _learn_limits(self) -> None:
        """Ask what containers can be limited in; tell the plugin, and set ``limits``."""
        can = self._control.ask(keeper_requests.controllers)
        self._control.ask(keeper_requests.gate, cpus="cpu" in can)
        self.limits = limits_line(can, self._control.ask(keeper_requests.no_group))

    @property
    def _door(self) -> str:
        """The student's control socket of process 1, on this side."""
        return str(self.runtime / "share" / "control.sock")

    def _wait_listening(self, deadline: float) -> None:
        """Until the API's socket is there."""
        while not (self.runtime / "docker.sock").exists():
            self._control.pump(0.002)
            self._check(deadline)
        # What `docker login`, contexts and builders write is this engine's alone, and goes with it.
        if not self._docker_config.exists():
            self._docker_config.mkdir(mode=0o700)
            config = json.dumps({"cliPluginsExtraDirs": [str(folder) for folder in self._cli_plugins]})
            (self._docker_config / "config.json").write_text(config)

    def _wait_ready(self, deadline: float) -> None:
        """The API's socket listens before dockerd runs, so one blocking request tells the moment."""
        with self._connected(deadline) as api, selectors.DefaultSelector() as selector:
            headers = f"Host: docker\r\nX-Dockbook-Token: {self.token}\r\nConnection: close"
            with contextlib.suppress(ConnectionError):
                api.sendall(f"GET /_ping HTTP/1.1\r\n{headers}\r\n\r\n".encode())
            selector.register(api, selectors.EVENT_READ)
            selector.register(self._control.socket, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(max(0, deadline - time.monotonic())):
                    if key.fileobj is api:
                        answer = b""
                        with contextlib.suppress(ConnectionError):
                            answer = api.recv(4096)
                        if b" 200 " in answer.split(b"\r\n", 1)[0]:
                            found = re.search(
                                rb"^api-version: *([0-9.]+)", answer, re.IGNORECASE | re.MULTILINE
                            )
                            self._api_version = found[1].decode() if found else None
                            return
                        # The engine is on its way out: what it died of comes from the keeper.
                        selector.unregister(api)
                        deadline = min(deadline, time.monotonic() + 5)
                    else:
                        self._control.pump(0)
                self._check(deadline)

    def _connected(self, deadline: float) -> socket.socket:
        """A connection to the API. Its socket is gone again where the engine has ended already."""
        while True:
            self._wait_listening(deadline)
            try:
                return connect(str(self.runtime / "docker.sock"), START_DEADLINE_S)
            except (FileNotFoundError, ConnectionRefusedError):
                self._control.pump(0.002)
                self._check(deadline)

    def _check(self, deadline: float) -> None:
        if self._control.ended is not None:
            raise self._ended_early(self._control.ended)
        if time.monotonic() > deadline:
            raise EngineDied(f"The engine did not answer within {START_DEADLINE_S} s: {self.tail(5)}")

    def _ended_early(self, log: str) -> EngineError:
        """Why the engine did not come up, from its log."""
        return EngineDied(
            f"The {self.backend} engine ended while it was starting: {last_words(log)}",
            next_step="`dockbook doctor` says what this machine lacks.",
        )

    # -- Engine

    def client(self, *, timeout: float = 30) -> DockerClient:
        """A docker-py client that shows the trusted side's token. Raises EngineError."""
        from docker import DockerClient
        from docker.errors import DockerException

        try:
            # With the version known, docker-py asks for nothing before the token is in its headers.
            client = DockerClient(base_url=self.docker_host, timeout=int(timeout), version=self._api_version)
        except DockerException as error:
            raise EngineDied(f"The engine does not answer: {error}. Its log ends: {self.tail(5)}") from error
        client.api.headers["X-Dockbook-Token"] = self.token
        return client

    def tail(self, lines: int = 40) -> str:
        if self._control.ended is not None:
            text = self._control.ended
        else:
            with contextlib.suppress(EngineError):
                return "\n".join(self._control.ask(keeper_requests.tail, 5).splitlines()[-lines:])
            text = "no log"
        return "\n".join(text.splitlines()[-lines:])

    def alive(self) -> bool:
        return self.dispose_s is None and self._control.alive()

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        env = super().env(base)
        if self._bin:
            env["PATH"] = os.pathsep.join([str(self._bin), env.get("PATH", os.defpath)])
        env["DOCKER_CONFIG"] = str(self._docker_config)
        env[variables.CONTROL] = self._door
        if self.look_s:
            env[variables.LOOK_S] = str(self.look_s)
        return env

    def reset(self) -> None:
        """Back to its first state: containers killed, everything but the course's images gone."""
        self._control.ask(keeper_requests.reset, 60)
        self._wait_ready(time.monotonic() + START_DEADLINE_S)

    def configure(self, options: Mapping[str, object]) -> None:
        """Reload dockerd with these ``daemon.json`` options over the engine's own; containers keep running.

        Only those in ``daemon.RELOADABLE``. Raises EngineError with the daemon's own reason; the previous
        options then stay.
        """
        self._control.ask(keeper_requests.configure, 30, options=dict(options))

    def close(self) -> None:
        if self.dispose_s is not None:
            return
        started = time.monotonic()
        self._control.close()
        shutil.rmtree(self.runtime, ignore_errors=True)
        self.dispose_s = time.monotonic() - started
