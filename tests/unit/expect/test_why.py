"""Why a container does not run: the words of runtimes and states, without an engine."""

from __future__ import annotations

import time
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.expect.why import Why, explain
from grader.notebook.why import Answer
from grader.state import Container, FileThere, Log

NEVER = "0001-01-01T00:00:00Z"
STARTED = "2026-01-02T03:04:05.6Z"
OCI = "failed to create task for container: failed to create shim task: OCI runtime create failed: "
RUNC = OCI + "runc create failed: unable to start container process: "


def box(status: str = "exited", code: int = 0, *argv: str, **more: Any) -> Container:
    """A container as inspect tells it; ``more``: Error, OOMKilled, StartedAt, and what is beside State."""
    state = {"Status": status, "ExitCode": code, "StartedAt": STARTED, "FinishedAt": STARTED}
    inside = ("Error", "OOMKilled", "StartedAt")
    state |= {key: more.pop(key) for key in inside if key in more}
    words = argv or ("true",)
    data = {"Name": "/box", "Id": "a" * 64, "Path": words[0], "Args": list(words[1:]), "State": state}
    return Container.from_inspect(data | {"Config": {"Image": "busybox"}} | more)


def failed(error: str, **more: Any) -> Why:
    return explain(box("created", 128, Error=error, StartedAt=NEVER, **more))


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            OCI + "executable file `cowsay` not found in $PATH: No such file or directory: unknown",
            "no such program",
            "no program 'cowsay' is in the image 'busybox'",
        ),
        (
            OCI + "executable file `/no/where` not found: No such file or directory: unknown",
            "no such program",
            "no program '/no/where'",
        ),
        (
            OCI + 'executable file `echo "a b"` not found in $PATH: No such file or directory: unknown',
            "no such program",
            """the whole line 'echo "a b"' was taken for the name of one program""",
        ),
        (
            RUNC + 'exec: "cowsay": executable file not found in $PATH: unknown',
            "no such program",
            "no program 'cowsay'",
        ),
        (
            RUNC + 'exec: "echo \\"a b\\"": executable file not found in $PATH: unknown',
            "no such program",
            """the whole line 'echo "a b"'""",
        ),
        (
            RUNC + 'exec: "/no/where": stat /no/where: no such file or directory: unknown',
            "no such program",
            "no program '/no/where'",
        ),
        (
            # 20.10 with runc 1.0
            (
                "OCI runtime create failed: container_linux.go:380: starting container process caused: "
                'exec: "cowsay": executable file not found in $PATH: unknown'
            ),
            "no such program",
            "no program 'cowsay'",
        ),
        (
            OCI + "the path `/etc/passwd` exists but it is not executable: Operation not permitted: unknown",
            "not executable",
            "/etc/passwd is there but is not a program",
        ),
        (
            OCI + "the path `/etc` is not a regular file: Operation not permitted: unknown",
            "not executable",
            "/etc is there",
        ),
        (RUNC + 'exec: "/etc/passwd": permission denied: unknown', "not executable", "/etc/passwd is there"),
        (RUNC + 'exec: "/etc": is a directory: unknown', "not executable", "/etc is there"),
        (RUNC + "exec /prog: exec format error: unknown", "wrong format", "another kind of processor"),
        (
            (
                "driver failed programming external connectivity on endpoint box (41b9): "
                "Bind for 0.0.0.0:8080 failed: port is already allocated"
            ),
            "port taken",
            "0.0.0.0:8080 on the host was already in use",
        ),
        (
            (
                "driver failed programming external connectivity on endpoint box (41b9): "
                "listen tcp4 127.0.0.1:8080: bind: address already in use"
            ),
            "port taken",
            "127.0.0.1:8080 on the host was already in use",
        ),
        (
            (
                "failed to set up container networking: driver failed programming external connectivity on "
                "endpoint box (41b9): failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: "
                "address already in use"
            ),
            "port taken",
            "0.0.0.0:8080",
        ),
        (
            RUNC + 'exec: "/bin/echo Hello": stat /bin/echo Hello: no such file or directory: unknown',
            "no such program",
            "the whole line '/bin/echo Hello' was taken for the name of one program",
        ),
        ("network gone not found", "no such network", "its network 'gone' is gone"),
        (
            "unable to find user nobodyhere: no matching entries in passwd file",
            "no such user",
            "no user 'nobodyhere'",
        ),
        (
            "unable to find group nogroup: no matching entries in group file",
            "no such group",
            "no group 'nogroup'",
        ),
        (
            'invalid mount config for type "bind": bind source path does not exist: /not/here',
            "no such path",
            "/not/here is not there",
        ),
        (OCI + "something else: unknown", "engine error", "the engine says 'something else'"),
        ("words without any pattern.", "engine error", "the engine says 'words without any pattern'"),
    ],
)
def test_a_start_that_failed_in_the_words_of_each_runtime(error: str, kind: str, words: str) -> None:
    why = failed(error)
    assert (why.kind, why.what.startswith("It never ran: ")) == (kind, True), why
    assert words in why.what
    assert why.hint or kind == "engine error"


def test_a_start_that_failed_later_is_not_the_programs_end() -> None:
    why = explain(box("exited", 128, Error="network gone not found"))
    assert why.kind == "no such network"
    assert why.what == "It did not start again: its network 'gone' is gone."


TAKEN = (
    "driver failed programming external connectivity on endpoint box: "
    "Bind for 0.0.0.0:80 failed: port is already allocated"
)


def test_a_container_that_found_its_port_taken_is_made_again() -> None:
    """From Engine 29.1 on it would start without a network: https://github.com/moby/moby/issues/51758."""
    hint = failed(TAKEN).hint
    assert "Once it is free, remove the container (`docker rm box`) and run it again." in hint
    assert "From Engine 29.1 on, `docker start` would start it without a network" in hint


def test_what_has_run_before_is_not_thrown_away_for_a_port() -> None:
    assert "Once it is free, `docker start box`." in explain(box("exited", 128, Error=TAKEN)).hint


def test_a_missing_entry_point_is_the_images_fault() -> None:
    error = OCI + "executable file `/start.sh` not found: No such file or directory: unknown"
    why = failed(error, Config={"Image": "mine", "Entrypoint": ["/start.sh"]})
    assert why.what == "It never ran: the image's entry point '/start.sh' is not in the image."
    assert "ENTRYPOINT" in why.hint


@pytest.mark.parametrize(
    ("line", "code", "kind"),
    [
        ('{"msg":"exec container process `/script`: Exec format error","level":"error"}', 1, "wrong format"),
        ("exec /script: exec format error", 255, "wrong format"),
        (
            "standard_init_linux.go:228: exec user process caused: exec format error",
            1,
            "wrong format",
        ),
        (
            '{"msg":"exec container process (missing dynamic library?) `/x`: No such file or directory"}',
            1,
            "no interpreter",
        ),
        ("exec /script: no such file or directory", 255, "no interpreter"),
        (
            "standard_init_linux.go:228: exec user process caused: no such file or directory",
            1,
            "no interpreter",
        ),
        ("exec /script: permission denied", 255, "not executable"),
        ("[FATAL tini (2)] exec /script failed: No such file or directory", 127, "no such program"),
        ("[FATAL tini (2)] exec /script failed: Permission denied", 126, "not executable"),
        # A program's own words.
        ("sh: exec: /script: not found", 127, "no such program"),
        ("my words: exec format error", 1, "reported an error"),
    ],
)
def test_what_the_runtime_writes_into_the_log(line: str, code: int, kind: str) -> None:
    why = explain(box("exited", code, "/script"), Log(stderr=line + "\n"))
    assert why.kind == kind
    ours = kind in ("wrong format", "no interpreter") or "ermission" in line or "tini" in line
    assert why.tail == (() if ours else (line,)), "the runtime's own words are not the program's last ones"


def test_a_program_that_prints_a_runtimes_words_among_others_has_run() -> None:
    log = Log(stdout="hello\nexec /x: exec format error\n")
    assert explain(box("exited", 1), log).kind == "reported an error"
    assert explain(box("exited", 0), Log(stdout="exec /x: exec format error\n")).kind == "finished"


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        ("exited", 0, "finished", "ended without an error"),
        ("exited", 1, "reported an error", "exit code 1."),
        ("exited", 125, "engine error", "exit code 125"),
        ("exited", 126, "not executable", "may not execute it"),
        ("exited", 127, "no such program", "did not find a command"),
        ("exited", 129, "signal", "SIGHUP (exit code 129)"),
        ("exited", 130, "interrupted", "SIGINT"),
        ("exited", 134, "signal", "SIGABRT"),
        ("exited", 137, "killed", "SIGKILL"),
        ("exited", 139, "crashed", "SIGSEGV"),
        ("exited", 255, "left behind", "The engine ended while it ran"),
        ("exited", 143, "stopped", "SIGTERM"),
        ("exited", 160, "signal", "number 32"),
        ("exited", 193, "reported an error", "exit code 193."),
        ("dead", 137, "killed", "SIGKILL"),
        ("created", 0, "not started", "never started"),
        ("running", 0, "running", "It runs"),
        ("paused", 0, "paused", "paused, not stopped"),
        ("removing", 0, "being removed", "removing"),
        ("restarting", 4, "restarting", "last with exit code 4"),
    ],
)
def test_states_and_exit_codes(status: str, code: int, kind: str, words: str) -> None:
    why = explain(box(status, code))
    assert why.kind == kind
    assert words in why.what


def test_out_of_memory_comes_before_the_signal() -> None:
    why = explain(box("exited", 137, OOMKilled=True))
    assert why.kind == "out of memory"
    assert "--memory" in why.hint


@pytest.mark.parametrize(("restarts", "words"), [(1, "once"), (7, "7 times")])
def test_a_container_that_runs_after_restarts(restarts: int, words: str) -> None:
    why = explain(box("running", RestartCount=restarts))
    assert why.kind == "restarting"
    assert f"has restarted it {words}" in why.what


@pytest.mark.parametrize(
    ("argv", "stdin", "kind"),
    [
        (("sh",), False, "no input"),
        (("/bin/bash",), False, "no input"),
        (("python3",), False, "no input"),
        (("sh",), True, "finished"),
        (("sh", "-c", "true"), False, "finished"),
        (("true",), False, "finished"),
    ],
)
def test_a_shell_without_input(argv: tuple[str, ...], stdin: bool, kind: str) -> None:
    config = {"Image": "busybox", "OpenStdin": stdin}
    assert explain(box("exited", 0, *argv, Config=config)).kind == kind


def test_the_last_lines_of_a_log_are_shown() -> None:
    log = Log(stdout="".join(f"line {number}\n" for number in range(9)))
    assert explain(box(), log).tail == tuple(f"line {number}" for number in range(4, 9))
    assert explain(box(), Log(stdout=" \n\n")).tail == ()
    assert len(explain(box(), Log(stdout="x" * 10_000)).tail[0]) <= 160
    assert str(explain(box("exited", 3), Log(stdout="one\n"))).splitlines() == [
        "box: Its program ended by itself and reported an error: exit code 3.",
        "Try: Its log says more than the exit code: `docker logs box`.",
        "It printed last:",
        "  one",
    ]


NASTY = "<img src=x onerror=alert(1)>\x1b[31m\u202eevil\udc80\0`&'\""


def test_hostile_words_are_written_out_and_escaped() -> None:
    error = OCI + f"executable file `{NASTY}` not found: No such file or directory: unknown"
    why = explain(box("created", 127, Name=f"/{NASTY}", Error=error, StartedAt=NEVER), Log(stdout=NASTY))
    for words in (why.name, why.what, why.hint, *why.tail):
        assert words.isprintable(), words
    shown = Answer(why)._repr_html_()
    assert "<img" not in shown
    ET.fromstring(shown.replace("<br>", "<br/>"))
    assert repr(Answer(why)) == str(why)


@given(
    st.text(alphabet=st.characters(), max_size=200),
    st.sampled_from(["", "created", "running", "exited", "restarting", "dead"]),
    st.integers(-300, 300),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_said_is_explained(words: str, status: str, code: int) -> None:
    data = box(status, code, words or "x", Error=words, Name=words, StartedAt=NEVER)
    why = explain(data, Log(stdout=words, stderr=words))
    assert why.what
    assert all(line.isprintable() for line in str(why).split("\n"))
    ET.fromstring(Answer(why)._repr_html_().replace("<br>", "<br/>"))


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "words",
    [
        "path /" * 20_000,
        'exec: "' * 20_000,
        "executable file `" * 10_000,
        "/" * 100_000,
        "1:1" * 50_000,
        '\\"' * 50_000,
    ],
)
def test_long_words_of_an_engine_do_not_hold_anybody_up(words: str) -> None:
    began = time.process_time()
    assert failed(words).kind == "engine error"
    assert explain(box("exited", 1), Log(stdout=words)).kind == "reported an error"
    assert time.process_time() - began < 20, "patterns that go back and forth would take hours"


MISSING = '{"msg":"exec container process (missing dynamic library?) `/run.sh`: No such file or directory"}'


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("#!/bin/sh\r\necho hi\r\n", "asks for a program called '/bin/sh\\r'", "sed -i"),
        ("#!/bin/bash -e\necho hi\n", "asks in its first line for '/bin/bash'", "`#!/bin/sh`"),
        ("#! \n", "asks in its first line for ''", "`#!/bin/sh`"),
        ("\ufeff#!/bin/sh\n", "begins with a byte order mark", "UTF-8 without one"),
        ("\x7fELF", "its program needs an interpreter", "first line of the script"),
    ],
)
def test_the_first_line_of_a_script_tells(text: str, words: str, hint: str) -> None:
    ended = box("exited", 127, "/run.sh")
    why = explain(ended, Log(stdout=MISSING + "\n"), FileThere(len(text), text=text))
    assert why.kind == "no interpreter"
    assert words in why.what
    assert hint in why.hint


@pytest.mark.parametrize(
    ("typed", "late"),
    [
        (("-p", "5101:5000"), "`-p 5101:5000`"),
        (("--name", "web", "sleep", "9"), "`--name web`"),
        (("--name=web", "sleep"), "`--name=web`"),
        (("--rm", "sleep"), "`--rm`"),
        (("--unheard-of", "sleep"), "`--unheard-of sleep`"),
    ],
)
def test_an_option_after_the_image(typed: tuple[str, ...], late: str) -> None:
    error = OCI + f"executable file `{typed[0]}` not found in $PATH: No such file or directory: unknown"
    why = failed(error, Config={"Image": "busybox", "Cmd": list(typed)})
    assert why.kind == "option after the image"
    assert "belong before the image" in why.hint
    assert late in why.hint


def test_an_option_that_went_to_the_entry_point() -> None:
    typed = ["--entrypoint", "cat", "/word"]
    ended = box(
        "exited", 1, "false", *typed, Config={"Image": "sealed", "Cmd": typed, "Entrypoint": ["false"]}
    )
    assert explain(ended).kind == "option after the image"
    plain = box("exited", 1, "ls", "-d", "/no", Config={"Image": "busybox", "Cmd": ["ls", "-d", "/no"]})
    assert explain(plain).kind == "reported an error"


def test_the_exec_form_with_single_quotes() -> None:
    why = explain(box("exited", 127, "/bin/sh", "-c", "['cat', '/greeting.txt']"))
    assert "single quotes do not quote" in why.what
    assert "double quotes" in why.hint
    assert "typing mistake" in explain(box("exited", 127, "/bin/sh", "-c", "catt /x")).hint


def test_a_script_with_the_line_ends_of_windows() -> None:
    why = explain(box("exited", 127, "sh", "run.sh"), Log(stderr="run.sh: line 2: ls\r: not found\n"))
    assert "line ends of Windows" in why.what


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("python app.py &", "without `&`"),
        ("sleep 1 & wait", "it would end again"),
        ("echo '&'", "it would end again"),
    ],
)
def test_what_a_start_would_bring(script: str, words: str) -> None:
    why = explain(box("exited", 0, "sh", "-c", script))
    assert why.kind == "finished"
    assert words in why.hint
