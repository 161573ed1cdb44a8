"""The ``nested`` backend: a private, disposable Docker Engine as one container on the user's Docker.

For macOS and Windows with WSL 2, whose Docker runs in a virtual machine, and wherever a Docker is there and
namespaces are not. Private, not for grading: the container has rights on the user's Docker that a student's
code must not have. The owner's side; ``grader.engine.keeper.nested`` makes and ends the container.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from grader.engine.base import Published
from grader.engine.endpoint import diagnose, find_docker_host
from grader.engine.image import nested_recipe
from grader.engine.image.nested_image import NestedImage, next_step
from grader.engine.inside.daemon import DEFAULTS
from grader.engine.private import START_DEADLINE_S, PrivateEngine
from grader.engine.system import keeper_requests
from grader.engine.system.programs import last_words
from grader.errors import EngineError, EngineUnavailable

MADE = {"gate": 0o700, "share": 0o700}
SCHEMES = ("unix", "tcp")


class Nested(PrivateEngine):
    """A nested engine. ``Nested(image).start()`` returns once ``_ping`` has answered.

    ``label``: how ``running_engines.running`` names it. ``start`` raises EngineUnavailable when the user's
    Docker cannot run it, EngineDied when the engine did not start.
    """

    backend = "nested"
    keeper = "grader.engine.keeper.nested"

    def __init__(self, image: NestedImage, *, label: str = "") -> None:
        super().__init__(image.bin, image.cli_plugins)
        self.image = image
        self._label = label

    def _begin(self) -> None:
        self._control.start(self._spec())
        self._wait_ready(self._started + START_DEADLINE_S)
        self.ready_s = time.monotonic() - self._started
        way = self._control.ask(keeper_requests.way)
        self.detail = f"a container on {self.image.docker_host}, {way}"
        self._learn_limits()
        self._announce(self._label)

    def _spec(self) -> dict[str, object]:
        """The engine, as its keeper is told."""
        return {
            "id": self.id,
            "runtime": str(self.runtime),
            "owner": os.getpid(),
            "token": self.token,
            "folders": {},
            "make": MADE,
            "keep_state": True,
            "docker_host": self.image.docker_host,
            "image": self.image.tag,
            "inside": {
                "daemon": DEFAULTS | {"authorization-plugins": ["dockbook"]},
                "watch": {},
                "folders": {"hub": "/srv/dockbook/hub"},
                "files": nested_recipe.files_inside(self.image.suite),
            },
        }

    def _ended_early(self, log: str) -> EngineError:
        words = last_words(log)
        for line in log.splitlines():
            if line.startswith("keeper: "):
                words = line.removeprefix("keeper: ")
        step = next_step(words) or "`dockbook doctor` looks at your Docker."
        return EngineUnavailable(
            f"Your Docker at {self.image.docker_host} did not start the engine's container: {words}",
            next_step=step,
        )

    def forward(
        self, tell: Callable[[str], None], note: Callable[[Collection[Published]], None] | None = None
    ) -> AbstractContextManager[object]:
        from grader.engine.ports import Ports

        return Ports(self, {"folder": str(self.runtime)}, tell, note).start()


def find_docker() -> str:
    """The address of the Docker that can run an engine. Raises EngineUnavailable with the reason."""
    found = find_docker_host()
    docker_host = found.address
    scheme = urlsplit(docker_host).scheme
    if scheme not in SCHEMES or found.tls:
        how = "over TLS" if scheme in SCHEMES else f"at {scheme}:// addresses"
        raise EngineUnavailable(
            f"A nested engine cannot use a Docker that answers {how} ({docker_host}).",
            next_step="use a Docker of this machine (a unix:// address); on Windows, work in WSL 2.",
        )
    trouble = diagnose(found)
    if trouble is not None:
        raise trouble
    return docker_host


def probe() -> str | None:
    """Whether a Docker answers that could run an engine: None, or the reason in one sentence."""
    try:
        find_docker()
    except EngineError as error:
        return error.what
    return None
