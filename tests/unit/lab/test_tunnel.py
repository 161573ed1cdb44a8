"""The line for whoever came over ssh."""

from __future__ import annotations

import pytest

from grader.lab.tunnel import ssh_command

URL = "http://127.0.0.1:8889/"


@pytest.fixture(autouse=True)
def ann(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")


@pytest.mark.parametrize(
    ("connection", "line"),
    [
        ("198.51.100.2 50022 192.0.2.7 22", "ssh -L 8889:127.0.0.1:8889 ann@192.0.2.7"),
        ("198.51.100.2 50022 192.0.2.7 2222", "ssh -p 2222 -L 8889:127.0.0.1:8889 ann@192.0.2.7"),
        ("2001:db8::2 50022 2001:db8::7 22", "ssh -L 8889:127.0.0.1:8889 ann@2001:db8::7"),
        ("::ffff:198.51.100.2 50022 ::ffff:192.0.2.7 22", "ssh -L 8889:127.0.0.1:8889 ann@192.0.2.7"),
    ],
)
def test_the_machine_is_named_as_it_was_reached(connection: str, line: str) -> None:
    assert ssh_command(URL, {"SSH_CONNECTION": connection}) == line


@pytest.mark.parametrize("connection", [None, "", "192.0.2.7 22", "UNKNOWN 65535 UNKNOWN 65535"])
def test_without_such_a_connection_there_is_no_line(connection: str | None) -> None:
    assert ssh_command(URL, {} if connection is None else {"SSH_CONNECTION": connection}) == ""
