"""dockerd's hook is taken out of a container's configuration and done by a process that runs already."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from grader.engine.inside import vm_runtime

HOOK = ["libnetwork-setkey", "-exec-root=/var/run/docker", "c0ffee", "0123456789ab"]


def configuration(tmp_path, hooks):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"ociVersion": "1.2.0", "hooks": hooks}))
    return path


def test_the_hook_is_taken_and_others_stay(tmp_path):
    other = {"path": "/bin/true", "args": ["true"]}
    hook = {"path": "/proc/7/exe", "args": HOOK}
    path = configuration(tmp_path, {"prestart": [hook, other]})
    assert vm_runtime.take_hook(str(path)) == HOOK
    assert json.loads(path.read_text()) == {"ociVersion": "1.2.0", "hooks": {"prestart": [other]}}
    assert vm_runtime.take_hook(str(path)) == []


@pytest.mark.parametrize("hooks", [None, {}, {"prestart": []}, {"prestart": None}, {"prestart": [{}]}])
def test_a_container_without_it(tmp_path, hooks):
    path = configuration(tmp_path, hooks)
    before = path.read_text()
    assert vm_runtime.take_hook(str(path)) == []
    assert path.read_text() == before


@pytest.mark.parametrize("answer", ["success", "no such sandbox"])
def test_dockerds_network_is_told(tmp_path, answer):
    (tmp_path / "libnetwork").mkdir()
    heard = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "libnetwork" / "0123456789ab.sock"))
        server.listen(1)

        def serve():
            visitor, _ = server.accept()
            heard.append(json.loads(visitor.recv(1000)))
            visitor.sendall(answer.encode())
            visitor.close()

        thread = threading.Thread(target=serve)
        thread.start()
        hook = [HOOK[0], f"-exec-root={tmp_path}", *HOOK[2:]]
        if answer == "success":
            vm_runtime.set_key(hook, 42)
        else:
            with pytest.raises(OSError, match="no such sandbox"):
                vm_runtime.set_key(hook, 42)
        thread.join(5)
    assert heard == [{"ContainerID": "c0ffee", "Key": "/proc/42/ns/net"}]


@pytest.mark.parametrize(("failed", "code"), [(False, 7), (True, -signal.SIGTERM)])
def test_a_wrapper_goes_on_once_it_has_stopped(failed, code):
    script = "sleep 0.2; kill -STOP $$; exit 7"
    with subprocess.Popen(["sh", "-c", script]) as wrapper:
        vm_runtime.go_on(wrapper.pid, failed=failed)
        assert wrapper.wait(5) == code


def test_a_wrapper_that_is_gone_is_no_trouble():
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    started = time.monotonic()
    vm_runtime.go_on(gone.pid)
    assert time.monotonic() - started < 4


def test_whoever_holds_a_path_without_reading_it_does_not_read(tmp_path, monkeypatch):
    pipe = tmp_path / "stdout"
    os.mkfifo(pipe)
    kept = vm_runtime.read
    monkeypatch.setattr(
        vm_runtime, "read", lambda path: str(os.getpid()) if path == "/run/docker.pid" else kept(path)
    )
    assert vm_runtime.is_pipe(str(pipe))
    looking = os.open(pipe, os.O_PATH)
    assert str(pipe) not in vm_runtime.read_by_dockerd()
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert str(pipe) in vm_runtime.read_by_dockerd()
    os.close(looking)
    os.close(reading)


def test_the_wrapper_is_a_script_that_a_shell_can_read():
    assert subprocess.run(["sh", "-n"], input=vm_runtime.WRAPPER, text=True, check=False).returncode == 0
