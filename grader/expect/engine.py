"""The ``engine`` of a check's block: where every question begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn, Self

from grader.expect import compare, datagrams
from grader.expect.answer_checks import AnswerSubject
from grader.expect.check_context import CheckContext
from grader.expect.container import ContainerSubject
from grader.expect.image import ImageSubject
from grader.expect.network import NetworkSubject
from grader.expect.probes import HttpReply, UdpReply
from grader.expect.shell import options_after_image
from grader.expect.student_values import Hidden, StudentValues
from grader.expect.words import count, listing, misspelt, quote
from grader.state import Container, repository


class EngineSubject:
    """What is on the engine. If something is missing, that is a finding, and it ends the block."""

    def __init__(self, context: CheckContext) -> None:
        self._context = context

    def container(self, name: str, *, scene: str = "", hint: str = "") -> ContainerSubject:
        """The container of that name (or id of 12 digits or more).

        ``scene``: it is the one that ``scene("task")`` created. ``hint``: what to do where there is none.

        Example: ``engine.container("web", hint="Run the cell above again.").is_running()``
        """
        if scene:
            hint = f'Run the cell with `scene("{scene}")` again, and do not change what it makes.'
        snapshot = self._context.snapshot
        found = snapshot.container(name)
        if found is None:
            known = [box.name for box in snapshot.containers]
            self._missing(f"container {name}", "container", known, hint or self._no_container(name))
        self._context.meant.add(name)
        subject = ContainerSubject(self._context, found)
        return subject.is_from_scene(scene) if scene else subject

    def _no_container(self, name: str) -> str:
        """What to do where no container has that name."""
        boxes = self._context.snapshot.containers
        late = next((box for box in boxes if name in options_after_image(box.cmd, "--name")), None)
        if late is not None:
            return (
                f"{quote(late.name, 40)} should have had it: options go before the image; `--name {name}` "
                f"came after it. Remove that one (`docker rm -f {late.name}`) and run it again with "
                f"`--name {name}` before the image."
            )
        near = misspelt(name, [box.name for box in boxes if box.name not in self._context.meant])
        if near:
            return f"The closest is {quote(near, 40)}: misspelt? `docker rename {near} {name}` corrects it."
        hint = f"Name it when you run it: `--name {name}`, or `name={quote(name)}` in Python."
        return hint if boxes else f"{hint} One run with `--rm` or `remove=True` is gone when it ends."

    def image(self, ref: str) -> ImageSubject:
        """The image of that name; no tag means latest.

        Example: ``engine.image("training/webapp").was_pulled()``
        """
        snapshot = self._context.snapshot
        found = snapshot.image(ref)
        if found is None:
            known = [tag for image in snapshot.images for tag in image.tags]
            by_name = {repository(tag): tag for tag in reversed(known)}
            near = by_name.get(repository(ref)) or by_name.get(misspelt(repository(ref), by_name), "")
            hint = f"Pull, build, commit or tag it under the name {quote(ref)}."
            if snapshot.impostor(ref) is not None:
                hint = f"That name now belongs to an image that is not the course's: `docker pull {ref}`."
                self._context.end(f"image {ref}", "id", "that of the course's image", "another", hint)
            if near:
                hint = (
                    f"The closest is {quote(near, 60)}: is the name or the tag misspelt? If that is the one, "
                    f"`docker tag {near} {ref}` gives it this name. Else: {hint[0].lower()}{hint[1:]}"
                )
            self._missing(f"image {ref}", "image", known, hint)
        return ImageSubject(self._context, found, ref)

    def network(self, name: str) -> NetworkSubject:
        """The network of that name.

        Example: ``engine.network("estate").connects("books", "reader")``
        """
        snapshot = self._context.snapshot
        found = snapshot.network(name)
        if found is None:
            known = [net.name for net in snapshot.networks if not net.predefined]
            hint = f"Create it: `docker network create {name}`."
            if near := misspelt(name, known):
                hint = f"The closest is {quote(near, 40)}: misspelt? {hint}"
            self._missing(f"network {name}", "network", known, hint)
        return NetworkSubject(self._context, found)

    def _missing(self, subject: str, kind: str, known: list[str], hint: str) -> NoReturn:
        found = f"no {kind} at all" if not known else f"no such {kind}; there are {listing(known)}"
        self._context.end(subject, "presence", "there", found, hint)

    def answer(self, name: str) -> AnswerSubject:
        """What the student assigned to the variable ``name``.

        Example: ``engine.answer("exit_code").equals(4)``
        """
        self._context.reach()
        return AnswerSubject(self._context, name, self._context.inspector.answer(name))

    def containers(self, *, image: str | None = None, status: str | None = None) -> ContainersSubject:
        """The containers created from an image, in a state (running, exited ...), or all, newest first.

        Example: ``engine.containers(image="busybox", status="running").number(2)``
        """
        snapshot = self._context.snapshot
        chosen = tuple(
            box
            for box in snapshot.containers
            if (image is None or compare.uses_image(box, image, snapshot, tag_matters=False))
            and (status is None or box.status == status)
        )
        what = f"{status + ' ' if status else ''}containers{' of ' + image if image else ''}"
        return ContainersSubject(self._context, chosen, what)

    def has_no_container(self, name: str) -> Self:
        """No container has that name (any more).

        Example: ``engine.has_no_container("ghost")``
        """
        if (found := self._context.snapshot.container(name)) is not None:
            hint = "`docker stop` it, then `docker rm`." if found.running else "Use `docker rm`."
            self._context.find(f"container {name}", "presence", "gone", f"one that is {found.status}", hint)
        return self

    def has_no_image(self, ref: str) -> Self:
        """No image has that name (any more).

        Example: ``engine.has_no_image("busybox:1999")``
        """
        if (self._context.snapshot.tagged(ref) or self._context.snapshot.image(ref)) is not None:
            self._context.find(f"image {ref}", "presence", "gone", "it is still here", "Use `docker rmi`.")
        return self

    def has_no_network(self, name: str) -> Self:
        """No network has that name (any more).

        Example: ``engine.has_no_network("attic")``
        """
        if self._context.snapshot.network(name) is not None:
            self._context.find(
                f"network {name}", "presence", "gone", "still here", "Use `docker network rm`."
            )
        return self

    @property
    def mine(self) -> StudentValues:
        """The student's own values, the same as ``mine`` in their notebook.

        Example: ``engine.container("web").publishes(5000, engine.mine.port("web"))``
        """
        return StudentValues(self._context.inspector.student)

    @property
    def hidden(self) -> Hidden:
        """What the student was to find: the values that ``scene("task")`` put on the engine.

        Example: ``engine.answer("host_port").equals(engine.hidden.port("switchboard"))``
        """
        return Hidden(self._context.inspector.student)

    def answers_http(
        self,
        host_port: int,
        *,
        host_ip: str = "127.0.0.1",
        path: str = "/",
        status: int = 200,
        containing: str = "",
        server: str = "",
        within_s: float = 5,
    ) -> Self:
        """A GET at a port of the engine's host, as from a browser there, is answered.

        ``server``: the beginning of the name that the server gives itself.

        Example: ``engine.answers_http(5001, containing="Hello world!")``
        """
        self._context.reach()
        reply = HttpReply(0)

        def look() -> bool:
            nonlocal reply
            reply = self._context.inspector.host_http(host_ip, host_port, path)
            return bool(reply.status)

        self._context.wait(look, within_s)
        if not reply.status:
            return self._silent(host_ip, host_port, "tcp", f"HTTP {status}", reply.error)
        if reply.status != status:
            return self._answer_differs(host_ip, host_port, f"HTTP {status}", f"HTTP {reply.status}")
        if containing not in reply.body:
            page = f"a page with {quote(containing)}"
            return self._answer_differs(host_ip, host_port, page, quote(reply.body, 200))
        if not reply.server.startswith(server):
            return self._answer_differs(host_ip, host_port, f"one of {server}", quote(reply.server))
        return self

    def answers_udp(
        self,
        host_port: int,
        *,
        host_ip: str = "127.0.0.1",
        send: str = "",
        expect: str = "",
        capitals: bool = False,
        within_s: float = 5,
    ) -> Self:
        """Each datagram to a port of the engine's host comes back; ``capitals``: in capital letters.

        ``send``: send this datagram instead, and look for ``expect`` in the reply.

        Example: ``engine.answers_udp(5004, capitals=True)``
        """
        self._context.reach()

        def ask(words: str) -> UdpReply:
            return self._context.inspector.host_udp(host_ip, host_port, words, within_s)

        fault = datagrams.fault(ask, send=send, expect=expect, capitals=capitals)
        if fault is None:
            return self
        if fault.error:
            return self._silent(host_ip, host_port, "udp", fault.expected, fault.error)
        return self._answer_differs(host_ip, host_port, fault.expected, fault.found)

    def _answer_differs(self, host_ip: str, host_port: int, expected: str, found: str) -> Self:
        hint = (
            "Something else answers there: which container publishes it (`docker ps`)? "
            "Remove that one and run the right one."
        )
        self._context.find(f"host port {host_ip}:{host_port}", "answer", expected, found, hint)
        return self

    def _silent(self, host_ip: str, host_port: int, proto: str, expected: str, error: str) -> Self:
        """Nothing answered; whether anything is published there says what to try."""
        suffix = "/udp" if proto == "udp" else ""
        owner = next(
            (
                (box, binding)
                for box in self._context.snapshot.containers
                for binding in box.bindings
                if binding.host_port == host_port and binding.proto == proto
            ),
            None,
        )
        if owner is None:
            hint = f"No container publishes it: `-p {host_port}:PORT{suffix}` when you create it."
        elif not owner[0].running:
            hint = f"{owner[0].name} publishes it and is {owner[0].status}: `docker start {owner[0].name}`."
        else:
            hint = (
                f"{owner[0].name} publishes it ({owner[1]}), and its program does not answer: does it listen "
                "on that port, and on all addresses of the container (0.0.0.0)? Its log may say. Remove the "
                f"container (`docker rm -f {owner[0].name}`) and run it again so that it does."
            )
        self._context.find(f"host port {host_ip}:{host_port}", "answer", expected, f"none ({error})", hint)
        return self

    def info_contains(self, key: str, value: str) -> Self:
        """A list, table or text of ``docker info`` has this value; a slash at its end makes no difference.

        Example: ``engine.info_contains("RegistryConfig.Mirrors", "http://127.0.0.1:5005")``
        """
        found = self.info(key)
        here = [found] if isinstance(found, str) else [*found] if isinstance(found, (list, dict)) else []
        if value.rstrip("/") not in [item.rstrip("/") for item in here if isinstance(item, str)]:
            what = listing(item if isinstance(item, str) else quote(item) for item in here)
            hint = "`docker info` shows it. Was the configuration written as JSON, and loaded?"
            self._context.find("the engine", key, quote(value), what, hint)
        return self

    def info(self, key: str) -> Any:
        """A value of ``docker info``, for comparisons: ``info("KernelVersion")``; dots go deeper.

        Example: ``engine.container("dialog").printed("Linux version " + engine.info("KernelVersion"))``
        """
        self._context.reach()
        value: Any = self._context.inspector.info()
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


class ContainersSubject:
    """``engine.containers(...)``: several containers, to count or to go through."""

    def __init__(self, context: CheckContext, boxes: tuple[Container, ...], what: str) -> None:
        self._context = context
        self._boxes = boxes
        self._what = what

    def __iter__(self) -> Iterator[ContainerSubject]:
        return (ContainerSubject(self._context, box) for box in self._boxes)

    def __len__(self) -> int:
        return len(self._boxes)

    def number(self, exactly: int) -> Self:
        """There are exactly this many.

        Example: ``engine.containers(image="busybox").number(4)``
        """
        return self if len(self._boxes) == exactly else self._differs(f"exactly {exactly}")

    def number_at_least(self, least: int) -> Self:
        """There are at least this many.

        Example: ``engine.containers(status="exited").number_at_least(2)``
        """
        return self if len(self._boxes) >= least else self._differs(f"{least} or more")

    def newest(self) -> ContainerSubject:
        """The one created last; without any the block ends.

        Example: ``engine.containers(image="busybox").newest().exited(4)``
        """
        if not self._boxes:
            self._context.end(self._what, "number", "one or more", "none", self._others())
        return ContainerSubject(self._context, self._boxes[0])

    def _differs(self, expected: str) -> Self:
        names = f": {listing(box.name for box in self._boxes)}" if self._boxes else ""
        found = f"{count(len(self._boxes), 'container')}{names}"
        self._context.find(self._what, "number", expected, found, self._others())
        return self

    def _others(self) -> str:
        total = len(self._context.snapshot.containers)
        return f"The engine holds {count(total, 'container')} in all: see `docker ps -a`."
