"""``why`` in a notebook: what it is asked about, and an engine that does not answer."""

from __future__ import annotations

from typing import Any

import pytest

from grader.expect.show import CouldNotCheck
from grader.notebook.why import CannotTell, explainer, inspected


class Api:
    """The two questions of docker-py that `why` asks before it reads a log."""

    timeout = 60

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def inspect_container(self, name: str) -> None:
        return None

    def containers(self, all: bool) -> list[dict[str, Any]]:  # noqa: A002 - docker-py calls it so
        return self.rows


class Client:
    def __init__(self, *names: str) -> None:
        self.api = Api([{"Names": [f"/{name}"]} for name in names] + [{"Names": None}])


@pytest.mark.parametrize("wrong", [None, 3, "", "  ", ["web"], object()])
def test_what_is_no_container_is_told(wrong: object) -> None:
    client: Any = Client("web")
    with pytest.raises(CannotTell, match=r"why\(\) needs a container or its name") as caught:
        explainer(lambda: client)(wrong)
    assert caught.value._render_traceback_()[1].startswith("Next: ")


def test_a_name_that_is_not_there_and_the_closest_one() -> None:
    client: Any = Client("web", "db")
    with pytest.raises(CannotTell, match="There is no container 'wbe'") as caught:
        explainer(lambda: client)("wbe")
    assert caught.value.next_step == "did you mean 'web'?"
    with pytest.raises(CannotTell) as caught:
        inspected(client, "something", "as_cli")
    assert caught.value.next_step == "`docker ps -a` lists what is there."


def test_an_engine_that_does_not_answer_is_told_without_a_traceback() -> None:
    import docker

    client = docker.DockerClient("unix:///nowhere/docker.sock", version="1.45")
    with pytest.raises(CouldNotCheck, match="Could not inspect the container") as caught:
        explainer(lambda: client)("web")
    assert "doctor" in caught.value.next_step
    client.close()


@pytest.mark.parametrize("name", ["my box", "a/b", "", " ", "web!", "-x"])
def test_a_name_that_no_container_can_have_is_not_asked_for(name: str) -> None:
    class Lists:
        timeout = 5

        def containers(self, **_: object) -> list[dict[str, Any]]:
            return [{"Names": ["/my-box"]}]

    class Client:
        api = Lists()

    with pytest.raises(CannotTell) as raised:
        inspected(Client(), name, "why")  # type: ignore[arg-type]
    if name == "my box":
        assert raised.value.next_step == "did you mean 'my-box'?"
