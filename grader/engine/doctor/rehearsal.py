"""A lab's engine tried as a lab uses it: started, with a container whose port is asked from here."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request

from docker.errors import DockerException
from requests.exceptions import RequestException

from grader.engine.image.engine_image import EngineImage
from grader.engine.ports import HOST
from grader.engine.sandbox import Sandbox
from grader.errors import DockbookError

PATIENCE_S = 10.0
"""How long a container's port may take to answer."""
LABEL = "doctor"


def rehearse(image: EngineImage) -> str | None:
    """None when all of it worked, else why it did not, in one sentence; leaves nothing behind. Takes a second
    or two."""
    told: list[str] = []
    try:
        with Sandbox(image, label=LABEL).start() as engine, engine.forward(told.append):
            port = _free_port()
            client = engine.client()
            serve = ["sh", "-c", "echo hi >index.html; exec httpd -f -p 80"]
            client.containers.run("busybox", serve, ports={"80/tcp": port}, detach=True)
            return _ask(port, told)
    except DockbookError as error:
        return " ".join(error.what.rstrip(".").split())
    except (DockerException, RequestException, OSError) as error:
        return " ".join(str(error).split())


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind((HOST, 0))
        return int(trial.getsockname()[1])


def _ask(port: int, told: list[str]) -> str | None:
    # No proxy between this machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with opener.open(f"http://{HOST}:{port}/", timeout=PATIENCE_S):
                return None
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > deadline:
                return (told or [f"a container's port does not answer at {HOST}:{port}: {error}"])[-1]
            time.sleep(0.05)
