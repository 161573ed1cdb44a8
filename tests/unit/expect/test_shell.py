"""Commands as a shell reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.expect.shell import Command, is_bare_shell, script_of

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)

GREETING = ("/bin/echo", "Hello world")
LOOP = ("/bin/sh", "-c", "while true; do echo hello world; sleep 1; done")


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (GREETING, ("echo", "Hello world"), True),
        (GREETING, ("/usr/bin/env", "echo", "Hello world"), True),
        (GREETING, ("busybox", "echo", "Hello world"), True),
        (GREETING, ("bash", "-e", "-lc", "exec echo Hello\\ world # said"), True),
        (GREETING, ("sh", "-c", 'echo "Hello"" world"'), True),
        (GREETING, ("echo", "Hello", "world"), False),
        (GREETING, ("echo", "Hello  world"), False),
        (GREETING, ("/opt/echo", "Hello world"), False),
        (GREETING, ("sh", "-c", "echo Hello world"), False),
        (GREETING, ("sh", "-c", "echo 'Hello world' | cat"), False),
        (GREETING, ("sh", "-c", "echo 'Hello world' >&2"), False),
        (GREETING, ("sh", "-c", "echo 'Hello world' &"), False),
        (GREETING, ("sh", "-c", "A=1 echo 'Hello world'"), False),
        (("echo", "*"), ("sh", "-c", "echo *"), False),
        (("echo", "$A"), ("sh", "-c", 'echo "$A"'), False),
        (("echo", "$A*"), ("sh", "-c", "echo '$A'\\*"), True),
        (("sh", "-c", "echo a; echo b"), ("echo", "a", ";", "echo", "b"), False),
        (("sh", "-c", "echo a; echo b"), ("sh", "-c", "echo 'a;' echo b"), False),
        (("sh", "-c", "echo a; echo b"), ("echo", "a;", "echo", "b"), False),
        (("echo", ";"), ("sh", "-c", "echo ';'"), True),
        (GREETING, ("sh", "-c", "echo 'Hello world'"), True),
        (GREETING, ("/bin/bash", "-c", '/bin/echo "Hello world"'), True),
        (GREETING, ("sh", "-c", "echo 'Hello world' ;\n"), True),
        (GREETING, ("/bin/echo Hello world",), False),
        (GREETING, ("echo", "Hello", "World"), False),
        (GREETING, ("sh", "-c", "echo Hello; echo world"), False),
        (GREETING, ("sh", "echo", "Hello", "world"), False),
        (GREETING, (), False),
        (LOOP, ("sh", "-c", "while true ;do echo  hello world;sleep 1 ; done"), True),
        (LOOP, ("bash", "-c", "while true\ndo echo hello world\nsleep 1\ndone"), True),
        (LOOP, ("sh", "-c", "while true; do echo hello world; sleep 2; done"), False),
        (("sh", "-c", "echo 'open"), ("sh", "-c", "echo 'open"), True),
        (("echo", "hello"), ("sh", "-c", "echo\u00a0hello"), False),
        (("echo", "hello"), ("sh", "-c", "echo\x0bhello"), False),
        (("echo", "hello"), ("sh", "-c", "echo hello wor\\"), False),
        (GREETING, ("sh", "-c", "echo \\\n  'Hello \\\nworld'"), False),
        (GREETING, ("sh", "-c", "echo \\\n  'Hello world'"), True),
        (
            LOOP,
            ("sh", "-c", "# for ever\nwhile true\n\n  # speak\ndo echo hello world\n\nsleep 1\ndone\n"),
            True,
        ),
        (("sh", "-c", "echo a 2>f"), ("sh", "-c", "echo a 2 >f"), False),
        (("sh", "-c", "echo a 2>f"), ("sh", "-c", "echo a 2> f"), True),
        (("exit", "3"), ("sh", "-c", "exit 3"), False),
        (("sh", "-c", "exit 3"), ("bash", "-c", " exit  3"), True),
    ],
)
def test_which_commands_are_one(left: tuple[str, ...], right: tuple[str, ...], equal: bool) -> None:
    assert (Command.of(left) == Command.of(right)) is equal
    assert (Command.of(right) == Command.of(left)) is equal


@pytest.mark.parametrize(
    ("argv", "bare", "script"),
    [
        (("sh",), True, None),
        (("/bin/bash", "-i"), True, None),
        (("sh", "-c", "id"), False, "id"),
        (("bash", "-x", "-ec", "id", "name"), False, "id"),
        (("sh", "run.sh"), False, None),
        (("sh", "-c"), False, None),
        (("cat",), False, None),
        ((), False, None),
    ],
)
def test_what_a_shell_is_told(argv: tuple[str, ...], bare: bool, script: str | None) -> None:
    assert is_bare_shell(argv) is bare
    assert script_of(argv) == script


@given(st.lists(ANY_TEXT, max_size=4))
def test_any_command_can_be_compared(argv: list[str]) -> None:
    assert Command.of(argv) == Command.of(argv)
    assert Command.of(["sh", "-c", *argv[:1]]) == Command.of(["/bin/sh", "-c", *argv[:1]])
