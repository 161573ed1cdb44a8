"""The student's side where it has to work: in the engine's own Python, as a user without rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_client.blocking.client import BlockingKernelClient

from grader.engine.base import Engine
from grader.expect import StudentValues

Run = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def run(engine: Engine, tmp_path: Path) -> Iterator[Run]:
    """Executes a cell in a student's kernel, ada's; what it put out."""
    folder = tmp_path / "chapter"
    folder.mkdir()
    (folder / "hints.toml").write_text('[hints]\nweb = ["Which image?", "training/webapp"]\n')
    kernel = engine.start_kernel(folder, student="ada")
    # A context of our own, ended without waiting; no heartbeat, whose thread is joined without a limit.
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    client = BlockingKernelClient(connection_file=str(kernel.connection_file), context=context)
    client.load_connection_file()
    client.start_channels(hb=False)

    def run(code: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        client.execute_interactive(code, output_hook=messages.append, timeout=60, allow_stdin=False)
        kinds = ("stream", "display_data", "execute_result", "error")
        return [message["content"] for message in messages if message["msg_type"] in kinds]

    try:
        client.wait_for_ready(timeout=30)
        yield run
    finally:
        client.stop_channels()
        context.destroy(linger=0)
        kernel.kill()


def test_a_lesson_in_the_students_kernel(run: Run) -> None:
    assert run("%load_ext grader\nimport docker\nclient = docker.from_env()") == []
    assert run("forget('web')\n!docker run -d --name web -P training/webapp python app.py > id") == []
    passed = run(
        "with check('web') as engine:\n"
        "    box = engine.container('web').uses_image('training/webapp').publishes_all_ports()\n"
        "    box.is_running().answers_http(5000, containing='Hello world!')"
    )
    assert [content["data"]["text/plain"] for content in passed] == ["web: passed (1 of 1 task)"]
    assert "web</b>: passed" in passed[0]["data"]["text/html"]
    (failed,) = run("with check('web') as engine:\n    engine.container('web').is_stopped()")
    assert failed["ename"] == "CheckFailed"
    assert failed["traceback"][:2] == ["web: not yet. 1 thing to fix:", "  - container web: state"]
    assert not any("Traceback" in line for line in failed["traceback"])
    assert run("forget('web')") == []


def test_values_hints_and_configuration(run: Run) -> None:
    assert run("%load_ext grader") == []
    (shown,) = run("mine.port('web'), mine.word('web')")
    assert shown["data"]["text/plain"] == str(
        (StudentValues("ada").port("web"), StudentValues("ada").word("web"))
    )
    (shown,) = run("hint('web')")
    assert shown["data"]["text/plain"].startswith("Hint 1 of 2 for web: Which image?")
    assert "training/webapp" in run("hint('web')")[0]["data"]["text/html"]
    assert run("_ = open('daemon.json', 'w').write('{\"labels\": [\"team=blue\"],}')") == []
    (refused,) = run("configure('daemon.json')")
    assert refused["ename"] == "ConfigurationRefused"
    assert "line 1, column" in refused["traceback"][0]
    assert not any("Traceback" in line for line in refused["traceback"])
    assert run("_ = open('daemon.json', 'w').write('{\"registry-mirrors\": [\"http://mirror\"]}')") == []
    (told,) = run("configure('daemon.json')")
    assert told["text"] == "The engine has taken daemon.json: registry-mirrors.\n"
    (passed,) = run(
        "with check('mirror') as engine:\n    engine.info_contains('RegistryConfig.Mirrors', 'http://mirror')"
    )
    assert passed["data"]["text/plain"] == "mirror: passed"
    assert run("_ = open('daemon.json', 'w').write('{\"debug\": \"yes\"}')") == []
    (refused,) = run("configure('daemon.json')")
    assert "The engine does not take daemon.json" in refused["traceback"][0]
    assert "debug" in refused["traceback"][0], "dockerd's own reason"
    (passed,) = run(
        "with check('still') as engine:\n    engine.info_contains('RegistryConfig.Mirrors', 'http://mirror')"
    )
    assert passed["data"]["text/plain"] == "still: passed"


def test_a_client_that_lies_changes_nothing(run: Run) -> None:
    """The check has a client of its own. (Points are never given from here; this is for honest mistakes.)"""
    run("%load_ext grader\nimport docker\nclient = docker.from_env()\nclient.containers = None")
    (failed,) = run("client = 3\nwith check('web') as engine:\n    engine.container('web')")
    assert "no container at all" in failed["evalue"]
