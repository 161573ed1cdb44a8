"""The student's side where it has to work: in the engine's own Python, as a user without rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from grader.engine.base import Engine

Run = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def run(engine: Engine) -> Iterator[Run]:
    """Executes a cell in a student's kernel; what it put out."""
    kernel = engine.start_kernel()
    client = BlockingKernelClient(connection_file=str(kernel.connection_file))
    client.load_connection_file()
    client.start_channels()

    def run(code: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        client.execute_interactive(code, output_hook=messages.append, timeout=60)
        kinds = ("stream", "display_data", "execute_result", "error")
        return [message["content"] for message in messages if message["msg_type"] in kinds]

    try:
        client.wait_for_ready(timeout=30)
        yield run
    finally:
        client.stop_channels()
        kernel.kill()


def test_a_lesson_in_the_students_kernel(run: Run) -> None:
    assert run("%load_ext grader\nimport docker\nclient = docker.from_env()") == []
    assert run("forget('web')\n!docker run -d --name web -P training/webapp python app.py > id") == []
    passed = run(
        "with check('web') as engine:\n"
        "    box = engine.container('web').uses_image('training/webapp').publishes_all_ports()\n"
        "    box.is_running().answers_http(5000, containing='Hello world!')"
    )
    assert [content["data"]["text/plain"] for content in passed] == ["web: passed"]
    assert "web</b>: passed" in passed[0]["data"]["text/html"]
    (failed,) = run("with check('web') as engine:\n    engine.container('web').is_stopped()")
    assert failed["ename"] == "CheckFailed"
    assert failed["traceback"][:2] == ["web: not yet. 1 thing to mend:", "  - container web: state"]
    assert not any("Traceback" in line for line in failed["traceback"])
    assert run("forget('web')") == []


def test_a_client_that_lies_changes_nothing(run: Run) -> None:
    """The check has a client of its own. (Points are never given from here; this is for honest mistakes.)"""
    run("%load_ext grader\nimport docker\nclient = docker.from_env()\nclient.containers = None")
    (failed,) = run("client = 3\nwith check('web') as engine:\n    engine.container('web')")
    assert "no container at all" in failed["evalue"]
