"""What a refusal of the engine's means: something about the student's object, or that nobody could look."""

from __future__ import annotations

import docker
import pytest
from docker.errors import APIError

from grader.errors import Blocked, ObjectFault
from grader.state.reach import looking


@pytest.mark.parametrize(
    ("told", "one", "kind"),
    [
        ("lstat /loop/x: too many levels of symbolic links", True, ObjectFault),
        ("lstat /loop/x: too many levels of symbolic links", False, Blocked),
        ("mkdir /var/lib/docker/tmp: no space left on device", True, Blocked),
        ("open /dev/ptmx: out of pty devices", True, Blocked),
        ("dial unix /run/plugin.sock: connection refused", True, Blocked),
    ],
)
def test_a_shortage_is_nobodys_fault(told: str, one: bool, kind: type[Blocked]) -> None:
    client = docker.DockerClient("tcp://127.0.0.1:9", version="1.45")
    with pytest.raises(Blocked) as caught, looking(client, "container web", 5, one=one):
        raise APIError("500 Server Error", explanation=told)
    assert type(caught.value) is kind
    assert told in str(caught.value)
    client.close()
