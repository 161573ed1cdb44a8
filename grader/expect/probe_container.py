"""Runs a program in another container's network, if no namespace can be entered: in a container that joins
it.

For the student's own machine. It joins the network of the container in question, runs one of our programs
with the Python of a course image, and is removed. Nothing of the container's own is executed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from docker import DockerClient
from docker.errors import APIError, ImageNotFound
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import Timeout

from grader.errors import Blocked
from grader.state.reach import looking

IMAGE = "training/webapp"
"""The course's image that has a ``python3``."""
LABEL = "dockbook.helper"
MAX_OUTPUT = 64 * 1024
_START_S = 5


def run(client: DockerClient, container_id: str, argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
    """Run ``argv`` in the container's network for at most ``limit_s`` seconds; exit code and output.

    124: it took too long. 125: the container cannot be joined, with the engine's words. Raises Blocked when
    the engine does not answer, or without the image.
    """
    with looking(client, "the container's network", limit_s + 2 * _START_S) as look:
        api: Any = client.api
        host = api.create_host_config(
            network_mode=f"container:{container_id}", log_config={"Type": "json-file"}
        )
        try:
            made = look.call(
                api.create_container,
                IMAGE,
                list(argv[1:]),
                entrypoint=[argv[0]],
                labels={LABEL: "1"},
                host_config=host,
            )
        except ImageNotFound as error:
            raise Blocked(
                f"This check looks from inside a container's network, with the image {IMAGE}: it is missing.",
                next_step=f"`docker pull {IMAGE}`, then run the check again.",
            ) from error
        except APIError as error:
            if error.status_code in (404, 409):
                return 125, str(error.explanation or error).encode()
            raise
        try:
            try:
                look.call(api.start, made["Id"])
            except APIError as error:
                return 125, str(error.explanation or error).encode()
            try:
                code = int(api.wait(made["Id"], timeout=limit_s)["StatusCode"])
            except (Timeout, RequestsConnectionError):
                return 124, b""
            output: bytes = look.call(api.logs, made["Id"], stdout=True, stderr=False, tail=100)
            if not output:
                output = look.call(api.logs, made["Id"], stdout=False, stderr=True, tail=20)
            return code, output[:MAX_OUTPUT]
        finally:
            with contextlib.suppress(APIError):
                api.timeout = _START_S
                api.remove_container(made["Id"], force=True, v=True)
