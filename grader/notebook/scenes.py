"""``scene("task")``: puts on the engine what a task of the course is about, with values to be found there.

The values are each student's own and the same every time. They are in no cell and in no variable, so only
a question to the engine finds them.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from grader.errors import EngineError, UsageError
from grader.expect.show import InWords
from grader.expect.student_values import Hidden, StudentValues
from grader.expect.words import closest, listing, quote
from grader.notebook.why import in_words
from grader.state.reach import DOCTOR, reason

Forget = Callable[..., None]
_Scene = Callable[[DockerClient, Hidden, StudentValues, Forget], None]


class NoSuchScene(InWords, UsageError):
    """There is no scene of that name."""


class NoScene(InWords, EngineError):
    """The engine refused it."""


def scenery(connect: Callable[[], DockerClient], student: str, forget: Forget) -> Callable[[str], None]:
    """``scene`` for a notebook of this student."""

    def scene(task: str) -> None:
        """Make again what this task is about. Raises NoSuchScene, and NoScene in the engine's own words."""
        named: object = task  # a cell is not type-checked
        make = _SCENES.get(named) if isinstance(named, str) else None
        if make is None:
            near = closest(named, _SCENES) if isinstance(named, str) else ""
            step = f"did you mean {quote(near)}?" if near else f"there are {listing(_SCENES, 20)}."
            raise NoSuchScene(f"There is no scene {quote(named)}.", next_step=step)
        with in_words():
            client = connect()
            try:
                make(client, Hidden(student), StudentValues(student), forget)
            except (DockerException, RequestException) as error:
                what = f"The scene {quote(named)} could not be set up: {reason(error)}."
                raise NoScene(what, next_step=DOCTOR) from error

    return scene


def _run(client: DockerClient, image: str, command: list[str] | None, **options: Any) -> None:
    client.containers.run(image, command, detach=True, **options)


def _oracle(client: DockerClient, hidden: Hidden, _mine: StudentValues, forget: Forget) -> None:
    """Weighs four things, says the sum, and complains."""
    forget("oracle")
    last = hidden.number("oracle", 20, 28) - 19
    script = f"for n in 7 3 9 {last}; do echo weighed $n; sum=$((sum+n)); done; echo sum $sum"
    script += f"; sleep 1; echo scale {hidden.word('oracle')} is dirty >&2"
    _run(client, "busybox", ["sh", "-c", script], name="oracle", labels=hidden.label("oracle"))


def _locker(client: DockerClient, hidden: Hidden, _mine: StudentValues, forget: Forget) -> None:
    """Has a folder, an owner, and a time that its shell works out."""
    forget("locker")
    facts = {"OWNER": hidden.word("locker"), "N": str(hidden.number("locker", 1000, 1999))}
    options = {"environment": facts, "working_dir": f"/vault/{hidden.number('vault', 10, 99)}", "init": True}
    script = "echo the locker is closed; sleep $((N * 3)) & wait"
    _run(client, "busybox", ["sh", "-c", script], name="locker", labels=hidden.label("locker"), **options)


def _latecomer(client: DockerClient, hidden: Hidden, mine: StudentValues, forget: Forget) -> None:
    """Another container has the port."""
    other = hidden.word("latecomer")
    forget("latecomer", other)
    _run(client, "httpd", None, name=other, ports={"80/tcp": mine.port("latecomer")}, init=True)


def _shelf(client: DockerClient, hidden: Hidden, _mine: StudentValues, forget: Forget) -> None:
    """More names than images: two of ``latest``'s, two of the one after it."""
    names = [tag for image in client.images.list("ada/shelf") for tag in image.tags]
    forget("bookbinder", image=[name for name in names if name.startswith("ada/shelf:")])
    for tag in (f"1.{hidden.number('shelf', 10, 99)}", "latest"):
        client.images.get("busybox").tag("ada/shelf", tag)
    box = client.containers.create("busybox", name="bookbinder")
    for version in range(2, hidden.number("shelf images", 3, 6) + 1):
        box.commit("ada/shelf", tag=f"{version}.0", changes=[f"LABEL version={version}.0"])
    client.images.get("ada/shelf:2.0").tag("ada/shelf", "2")
    forget("bookbinder")


def _switchboard(client: DockerClient, hidden: Hidden, _mine: StudentValues, forget: Forget) -> None:
    """Three ports, one open to others."""
    forget("switchboard")
    open_to_all = f"{hidden.number('switchboard', 7000, 7099)}/tcp"
    ports = {
        "5000/tcp": ("127.0.0.1", None),
        open_to_all: None,
        "5000/udp": ("127.0.0.1", hidden.port("switchboard")),
    }
    _run(client, "training/webapp", None, name="switchboard", ports=ports, labels=hidden.label("switchboard"))


def _lookout(client: DockerClient, hidden: Hidden, _mine: StudentValues, forget: Forget) -> None:
    """An image with an entry point that ends at once, with a word in a file.

    Committed, not built: docker-py has only the legacy builder, which engines are about to lose.
    """
    forget("sealer")
    box = client.containers.create("busybox", name="sealer")
    box.put_archive("/", _tar("word", f"{hidden.word('lookout')}\n"))
    box.commit("sealed", tag="latest", changes=['ENTRYPOINT ["false"]', "CMD []"])
    forget("sealer")


def _tar(name: str, text: str) -> bytes:
    """An archive with one file, as the engine takes it."""
    packed, data = BytesIO(), text.encode()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, BytesIO(data))
    return packed.getvalue()


IMAGES: dict[str, tuple[str, ...]] = {
    "oracle": ("busybox:latest",),
    "locker": ("busybox:latest",),
    "latecomer": ("httpd:latest",),
    "shelf": ("busybox:latest",),
    "switchboard": ("training/webapp:latest",),
    "lookout": ("busybox:latest",),
}
"""The course's images that each scene is made from."""

_SCENES: dict[str, _Scene] = {
    "oracle": _oracle,
    "locker": _locker,
    "latecomer": _latecomer,
    "shelf": _shelf,
    "switchboard": _switchboard,
    "lookout": _lookout,
}
