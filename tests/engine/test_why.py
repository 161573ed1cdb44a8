"""``why()`` of containers that end, or do not start, in each way: made for real."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import APIError

from grader.engine.choose import open_engine
from grader.expect.why import Why
from grader.notebook.why import CannotTell, explainer

PATIENCE_S = 30.0
SLEEP = ["sleep", "1000"]


class Place:
    """An engine, where containers are made by name."""

    def __init__(self, client: DockerClient) -> None:
        self.client = client
        self._why = explainer(lambda: client)

    def made(self, name: str, command: list[str] | None = None, **options: Any) -> Any:
        options.setdefault("image", "busybox")
        return self.client.containers.create(command=command, name=name, **options)

    def run(self, name: str, command: list[str] | None = None, **options: Any) -> Any:
        box = self.made(name, command, **options)
        box.start()
        return box

    def refused(self, name: str, command: list[str] | None = None, **options: Any) -> Why:
        """Why the engine does not start it. Fails if it does."""
        box = self.made(name, command, **options)
        with pytest.raises(APIError):
            box.start()
        return self.why(name)

    def ended(self, name: str, command: list[str] | None = None, **options: Any) -> Why:
        box = self.run(name, command, **options)
        box.wait(timeout=PATIENCE_S)
        return self.why(name)

    def said(self, box: Any, line: bytes) -> None:
        """Wait until it has printed a line: until then a signal would find it unprepared."""
        self.until(lambda: line in box.logs(), f"{box.name} prints {line!r}")

    def until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, what
            time.sleep(0.05)

    def why(self, container: object) -> Why:
        return self._why(container).why


@pytest.fixture(scope="module")
def place(engine_image: None) -> Iterator[Place]:
    with open_engine("sandbox") as engine:
        yield Place(engine.client(timeout=60))


def put(box: Any, name: str, data: bytes, mode: int = 0o755) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), mode
        archive.addfile(entry, io.BytesIO(data))
    box.put_archive("/", whole.getvalue())


def waits_for(signal: str, code: int) -> list[str]:
    return ["sh", "-c", f"trap 'exit {code}' {signal}; echo ready; while :; do sleep 0.1; done"]


def test_it_finished(place: Place) -> None:
    why = place.ended("finished", ["echo", "hello"])
    assert (why.kind, why.tail) == ("finished", ("hello",))


def test_it_reported_an_error_and_printed_why(place: Place) -> None:
    why = place.ended("failed", ["sh", "-c", "echo one; echo 'no such table' >&2; exit 3"])
    assert why.kind == "reported an error"
    assert "exit code 3" in why.what
    assert why.tail == ("one", "no such table")


def test_only_the_end_of_a_long_log_is_read(place: Place) -> None:
    why = place.ended("chatty", ["sh", "-c", "seq 100000; exit 1"])
    assert why.tail == tuple(str(number) for number in range(99_996, 100_001))
    why = place.ended("chatty-tty", ["sh", "-c", "seq 100000; exit 1"], tty=True)
    assert why.tail == tuple(str(number) for number in range(99_996, 100_001))
    long = "i=0; while [ $i -lt 25 ]; do printf '%020000d\\n' $i; i=$((i + 1)); done; echo last; exit 1"
    assert place.ended("long-lines", ["sh", "-c", long]).tail[-1] == "last"


@pytest.mark.parametrize("init", [False, True], ids=["", "with --init"])
@pytest.mark.parametrize(
    ("name", "command", "kind", "words"),
    [
        ("typo", ["cowsay", "hi"], "no such program", "no program 'cowsay' is in the image 'busybox'"),
        ("nowhere", ["/no/where"], "no such program", "no program '/no/where'"),
        (
            "one-word",
            ["echo hello world"],
            "no such program",
            "the whole line 'echo hello world' was taken for the name of one program",
        ),
        ("quotes", ['echo "a b"'], "no such program", "the whole line 'echo \"a b\"'"),
        ("file", ["/etc/passwd"], "not executable", "/etc/passwd is there but is not a program"),
        ("folder", ["/etc"], "not executable", "/etc is there but is not a program"),
    ],
)
def test_its_program_cannot_run(
    place: Place, name: str, command: list[str], kind: str, words: str, init: bool
) -> None:
    name += "-init" * init
    # With `--init` the engine starts `docker-init`, and that finds no program.
    why = place.ended(name, command, init=True) if init else place.refused(name, command)
    assert why.kind == kind
    assert why.what.startswith("It never ran: ") and words in why.what
    assert why.tail == ()


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("no-hash-bang", b"echo hello\n", "wrong format"),
        # An ELF header of a program for 64-bit ARM.
        (
            "other-processor",
            b"\x7fELF\x02\x01\x01" + 9 * b"\0" + b"\x02\0\xb7\0" + 44 * b"\0",
            "wrong format",
        ),
        ("no-interpreter", b"#!/bin/python9\nprint()\n", "no interpreter"),
    ],
)
def test_the_kernel_refuses_its_program(place: Place, name: str, data: bytes, kind: str) -> None:
    box = place.made(name, ["/program"])
    put(box, "program", data)
    try:
        box.start()
        box.wait(timeout=PATIENCE_S)
    except APIError:
        pass  # some runtimes notice before, some after the start
    why = place.why(name)
    assert why.kind == kind
    assert why.what.startswith("It never ran: ")
    assert why.tail == ()


def test_an_entry_point_that_is_not_in_the_image(place: Place) -> None:
    why = place.refused("entry", entrypoint=["/start.sh"])
    assert "entry point '/start.sh' is not in the image" in why.what


def test_its_port_is_taken(place: Place) -> None:
    place.run("holder", SLEEP, ports={"80/tcp": 8080})
    why = place.refused("late", SLEEP, ports={"80/tcp": 8080})
    assert (why.kind, why.what) == (
        "port taken",
        "It never ran: 0.0.0.0:8080 on the host was already in use, by another container or program.",
    )
    why = place.refused("late-too", SLEEP, ports={"80/tcp": ("127.0.0.1", 8080)})
    assert why.kind == "port taken" and "127.0.0.1:8080" in why.what


def test_its_network_is_gone(place: Place) -> None:
    network = place.client.networks.create("gone")
    never = place.made("never-in-it", SLEEP, network="gone")
    ran = place.run("was-in-it", ["true"], network="gone")
    ran.wait(timeout=PATIENCE_S)
    network.remove()
    for box in (never, ran):
        with pytest.raises(APIError):
            box.start()
    assert place.why("never-in-it").what == "It never ran: its network 'gone' is gone."
    assert place.why("was-in-it").what == "It did not start again: its network 'gone' is gone."


def test_its_user_or_group_is_unknown(place: Place) -> None:
    why = place.refused("user", ["true"], user="nobody-here")
    assert (why.kind, "no user 'nobody-here'" in why.what) == ("no such user", True)
    why = place.refused("group", ["true"], user="root:no-group")
    assert (why.kind, "no group 'no-group'" in why.what) == ("no such group", True)


def test_it_was_killed(place: Place) -> None:
    place.run("killed", SLEEP).kill()
    assert place.why("killed").kind == "killed"
    place.run("deaf", SLEEP).stop(timeout=1)  # a process with the id 1 does not end by SIGTERM alone
    assert place.why("deaf").kind == "killed"


def test_it_was_stopped(place: Place) -> None:
    box = place.run("stopped", waits_for("TERM", 143))
    place.said(box, b"ready")
    box.stop()
    assert place.why("stopped").kind == "stopped"


def test_it_was_interrupted(place: Place) -> None:
    box = place.run("interrupted", waits_for("INT", 130))
    place.said(box, b"ready")
    box.kill("SIGINT")
    box.wait(timeout=PATIENCE_S)
    assert place.why("interrupted").kind == "interrupted"


@pytest.mark.parametrize("command", [["sh"], None])
def test_a_shell_had_nothing_to_read(place: Place, command: list[str] | None) -> None:
    assert place.ended(f"no-input-{command is None}", command).kind == "no input"


def test_it_crashed(place: Place) -> None:
    # Under `--init`: the kernel spares a process with the id 1.
    assert place.ended("crashed", ["sh", "-c", "kill -SEGV $$"], init=True).kind == "crashed"
    why = place.ended("crashed-inside", ["sh", "-c", "sh -c 'kill -SEGV $$'; exit $?"])
    assert why.kind == "crashed"
    why = place.ended("hung-up", ["sh", "-c", "kill -HUP $$"], init=True)
    assert (why.kind, "SIGHUP" in why.what) == ("signal", True)


def test_its_shell_did_not_find_a_command(place: Place) -> None:
    why = place.ended("inner-typo", ["sh", "-c", "cowsay hi"])
    assert (why.kind, why.tail) == ("no such program", ("sh: cowsay: not found",))
    why = place.ended("inner-file", ["sh", "-c", "/etc/passwd"])
    assert (why.kind, why.tail) == ("not executable", ("sh: /etc/passwd: Permission denied",))


def test_it_restarts_again_and_again(place: Place) -> None:
    box = place.run("restarting", ["sh", "-c", "exit 4"], restart_policy={"Name": "always"})
    seen: list[Why] = []

    def waits() -> bool:
        seen.append(place.why(box))
        return seen[-1].kind == "restarting" and "last with exit code 4" in seen[-1].what

    place.until(waits, "it waits between two starts")
    assert "`docker stop restarting` ends it" in seen[-1].hint
    box.remove(force=True)


def test_it_runs_after_a_restart(place: Place) -> None:
    command = ["sh", "-c", "[ -e /once ] && exec sleep 1000; touch /once; exit 1"]
    box = place.run("revived", command, restart_policy={"Name": "on-failure"})
    place.until(lambda: place.why(box).what.startswith("It runs now"), "it runs")
    assert "has restarted it once" in place.why(box).what
    box.remove(force=True)


def test_it_never_started_runs_or_is_paused(place: Place) -> None:
    box = place.made("never", SLEEP)
    assert place.why(box).kind == "not started"
    box.start()
    assert place.why(box.id[:12]).kind == "running"
    box.pause()
    assert place.why("never").kind == "paused"
    box.unpause()
    box.remove(force=True)
    with pytest.raises(CannotTell, match="There is no container"):
        place.why(box)


def test_a_name_that_is_almost_one(place: Place) -> None:
    place.made("shopkeeper", SLEEP)
    with pytest.raises(CannotTell) as caught:
        place.why("shopkeper")
    assert caught.value.next_step == "did you mean 'shopkeeper'?"


def test_a_log_that_is_not_kept(place: Place) -> None:
    why = place.ended("secretive", ["sh", "-c", "echo x; exit 2"], log_config={"type": "none", "config": {}})
    assert (why.kind, why.tail) == ("reported an error", ())
