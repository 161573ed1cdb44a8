"""The ``engine`` of a check's block: where every question begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn, Self

from grader.expect import compare
from grader.expect.answers import AnswerSubject
from grader.expect.container import ContainerSubject
from grader.expect.image import ImageSubject
from grader.expect.mine import Mine
from grader.expect.network import NetworkSubject
from grader.expect.probes import HttpReply
from grader.expect.scene import Scene
from grader.expect.words import closest, count, listing, quote
from grader.state import Container, repository


class EngineSubject:
    """What the engine holds. A thing that is not there is a finding, and ends the block."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def container(self, name: str) -> ContainerSubject:
        """The container of that name (or id of 12 digits or more)."""
        snapshot = self._scene.snapshot
        found = snapshot.container(name)
        if found is None:
            known = [box.name for box in snapshot.containers]
            near = closest(name, known)
            if near:
                hint = f"The closest is {quote(near, 40)}: misspelt? `docker rename {near} {name}` mends it."
            else:
                hint = f"Name it when you run it: `--name {name}`, or `name={quote(name)}` in Python."
            if not known:
                hint += " One run with `--rm` or `remove=True` is gone when it ends."
            self._missing(f"container {name}", "container", known, hint)
        return ContainerSubject(self._scene, found)

    def image(self, ref: str) -> ImageSubject:
        """The image of that name; no tag means latest."""
        snapshot = self._scene.snapshot
        found = snapshot.image(ref)
        if found is None:
            known = [tag for image in snapshot.images for tag in image.tags]
            by_name = {repository(tag): tag for tag in reversed(known)}
            near = by_name.get(repository(ref)) or by_name.get(closest(repository(ref), by_name), "")
            hint = f"Pull, build, commit or tag it under the name {quote(ref)}."
            if snapshot.impostor(ref) is not None:
                hint = f"That name leads to another image than the course's by now: `docker pull {ref}`."
                self._scene.end(f"image {ref}", "id", "that of the course's image", "another", hint)
            if near:
                hint = f"The closest is {quote(near, 60)}: is the name or the tag misspelt? {hint}"
            self._missing(f"image {ref}", "image", known, hint)
        return ImageSubject(self._scene, found, ref)

    def network(self, name: str) -> NetworkSubject:
        """The network of that name."""
        snapshot = self._scene.snapshot
        found = snapshot.network(name)
        if found is None:
            known = [net.name for net in snapshot.networks if not net.predefined]
            near = closest(name, known)
            hint = f"Make it: `docker network create {name}`."
            if near:
                hint = f"The closest is {quote(near, 40)}. {hint}"
            self._missing(f"network {name}", "network", known, hint)
        return NetworkSubject(self._scene, found)

    def _missing(self, subject: str, kind: str, known: list[str], hint: str) -> NoReturn:
        found = f"no {kind} at all" if not known else f"no such {kind}; there are {listing(known)}"
        self._scene.end(subject, "presence", "there", found, hint)

    def answer(self, name: str) -> AnswerSubject:
        """What the student assigned to the variable ``name``."""
        self._scene.reach()
        return AnswerSubject(self._scene, name, self._scene.witness.answer(name))

    def containers(self, *, image: str | None = None, status: str | None = None) -> ContainersSubject:
        """The containers made from an image, in a state (running, exited ...), or all, newest first."""
        snapshot = self._scene.snapshot
        chosen = tuple(
            box
            for box in snapshot.containers
            if (image is None or compare.uses_image(box, image, snapshot, tag_matters=False))
            and (status is None or box.status == status)
        )
        what = f"{status + ' ' if status else ''}containers{' of ' + image if image else ''}"
        return ContainersSubject(self._scene, chosen, what)

    def has_no_container(self, name: str) -> Self:
        """No container has that name (any more)."""
        if (found := self._scene.snapshot.container(name)) is not None:
            hint = "`docker stop` it, then `docker rm`." if found.running else "Use `docker rm`."
            self._scene.find(f"container {name}", "presence", "gone", f"one that is {found.status}", hint)
        return self

    def has_no_image(self, ref: str) -> Self:
        """No image has that name (any more)."""
        if (self._scene.snapshot.tagged(ref) or self._scene.snapshot.image(ref)) is not None:
            self._scene.find(f"image {ref}", "presence", "gone", "it is still here", "Use `docker rmi`.")
        return self

    def has_no_network(self, name: str) -> Self:
        """No network has that name (any more)."""
        if self._scene.snapshot.network(name) is not None:
            self._scene.find(f"network {name}", "presence", "gone", "still here", "Use `docker network rm`.")
        return self

    @property
    def mine(self) -> Mine:
        """The student's own values, the same as ``mine`` in their notebook."""
        return Mine(self._scene.witness.student)

    def answers_http(
        self,
        host_port: int,
        *,
        host_ip: str = "127.0.0.1",
        path: str = "/",
        status: int = 200,
        containing: str = "",
        within_s: float = 5,
    ) -> Self:
        """A GET at a port of the engine's host, as a browser there would come, is answered."""
        self._scene.reach()
        reply = HttpReply(0)

        def look() -> bool:
            nonlocal reply
            reply = self._scene.witness.host_http(host_ip, host_port, path)
            return bool(reply.status)

        self._scene.wait(look, within_s)
        if not reply.status:
            return self._silent(host_ip, host_port, "tcp", f"HTTP {status}", reply.error)
        if reply.status != status:
            return self._answer_differs(host_ip, host_port, f"HTTP {status}", f"HTTP {reply.status}")
        if containing not in reply.body:
            page = f"a page with {quote(containing)}"
            return self._answer_differs(host_ip, host_port, page, quote(reply.body, 200))
        return self

    def answers_udp(
        self,
        host_port: int,
        *,
        host_ip: str = "127.0.0.1",
        send: str = "ping",
        expect: str = "ping",
        within_s: float = 5,
    ) -> Self:
        """A datagram to a port of the engine's host comes back with ``expect`` in it."""
        self._scene.reach()
        reply = self._scene.witness.host_udp(host_ip, host_port, send, within_s)
        wanted = f"one with {quote(expect)}"
        if not reply.answered:
            return self._silent(host_ip, host_port, "udp", wanted, reply.error)
        if expect not in reply.body:
            return self._answer_differs(host_ip, host_port, wanted, quote(reply.body, 200))
        return self

    def _answer_differs(self, host_ip: str, host_port: int, expected: str, found: str) -> Self:
        hint = "Something answers there, but not what should: is it the right container?"
        self._scene.find(f"host port {host_ip}:{host_port}", "answer", expected, found, hint)
        return self

    def _silent(self, host_ip: str, host_port: int, proto: str, expected: str, error: str) -> Self:
        """Nothing answered; whether anything is published there says what to try."""
        suffix = "/udp" if proto == "udp" else ""
        owner = next(
            (
                (box, binding)
                for box in self._scene.snapshot.containers
                for binding in box.bindings
                if binding.host_port == host_port and binding.proto == proto
            ),
            None,
        )
        if owner is None:
            hint = f"No container publishes it: `-p {host_port}:PORT{suffix}` when it is made."
        elif not owner[0].running:
            hint = f"{owner[0].name} publishes it and is {owner[0].status}: `docker start {owner[0].name}`."
        else:
            hint = (
                f"{owner[0].name} publishes it ({owner[1]}), and its program does not answer: does it listen "
                "on that port, and on all addresses of the container (0.0.0.0)? Its log may say."
            )
        self._scene.find(f"host port {host_ip}:{host_port}", "answer", expected, f"none ({error})", hint)
        return self

    def info_contains(self, key: str, value: str) -> Self:
        """A list, table or text of ``docker info`` has this value; a slash at its end is no matter."""
        found = self.info(key)
        here = [found] if isinstance(found, str) else [*found] if isinstance(found, (list, dict)) else []
        if value.rstrip("/") not in [item.rstrip("/") for item in here if isinstance(item, str)]:
            what = listing(item if isinstance(item, str) else quote(item) for item in here)
            hint = "`docker info` shows it. Was the configuration written as JSON, and loaded?"
            self._scene.find("the engine", key, quote(value), what, hint)
        return self

    def info(self, key: str) -> Any:
        """A value of ``docker info``, for comparisons: ``info("KernelVersion")``; dots go deeper."""
        self._scene.reach()
        value: Any = self._scene.witness.info()
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


class ContainersSubject:
    """``engine.containers(...)``: several containers, to count or to go through."""

    def __init__(self, scene: Scene, boxes: tuple[Container, ...], what: str) -> None:
        self._scene = scene
        self._boxes = boxes
        self._what = what

    def __iter__(self) -> Iterator[ContainerSubject]:
        return (ContainerSubject(self._scene, box) for box in self._boxes)

    def __len__(self) -> int:
        return len(self._boxes)

    def number(self, exactly: int) -> Self:
        """There are exactly so many."""
        return self if len(self._boxes) == exactly else self._differs(f"exactly {exactly}")

    def number_at_least(self, least: int) -> Self:
        """There are so many or more."""
        return self if len(self._boxes) >= least else self._differs(f"{least} or more")

    def newest(self) -> ContainerSubject:
        """The one made last; without any the block ends."""
        if not self._boxes:
            self._scene.end(self._what, "number", "one or more", "none", self._others())
        return ContainerSubject(self._scene, self._boxes[0])

    def _differs(self, expected: str) -> Self:
        names = f": {listing(box.name for box in self._boxes)}" if self._boxes else ""
        found = f"{count(len(self._boxes), 'container')}{names}"
        self._scene.find(self._what, "number", expected, found, self._others())
        return self

    def _others(self) -> str:
        total = len(self._scene.snapshot.containers)
        return f"The engine holds {count(total, 'container')} in all: see `docker ps -a`."
