"""Questions about what a container answers over the network, and what it can reach."""

from __future__ import annotations

import ipaddress
from typing import Self

from grader.expect import datagrams
from grader.expect.container_system import ContainerSystem
from grader.expect.probes import HttpReply, Reached, Resolved, UdpReply
from grader.expect.words import listing, quote
from grader.state import Container


class ContainerNet(ContainerSystem):
    """The part of ``engine.container("name")`` that asks over the network. If the container is not running,
    that is a finding, and nothing is asked.
    """

    # What it serves

    def answers_http(
        self, port: int, *, path: str = "/", status: int = 200, containing: str = "", within_s: float = 5
    ) -> Self:
        """Its web server on ``port`` (the container's) answers a GET; the check waits for one that is just
        starting.

        Example: ``engine.container("web").answers_http(5000, containing="Hello world!")``
        """
        asked = f"answer on port {port}"
        if not self._runs(asked, f"HTTP {status}"):
            return self
        reply = HttpReply(0)

        def look() -> bool:
            nonlocal reply
            reply = self.context.inspector.probe_http(self.box.id, port, path, self._addresses())
            return bool(reply.status)

        self.context.wait(look, within_s)
        if not reply.status:
            hint = "Does its server listen on that port, on all its addresses? Its log may say."
            return self.differs(asked, f"HTTP {status}", f"no answer ({reply.error})", hint)
        if reply.status != status:
            return self.differs(asked, f"HTTP {status}", f"HTTP {reply.status}", "Look at its log.")
        if containing not in reply.body:
            hint = "Something answers, but not what it should: is it the right image and command?"
            self.differs(asked, f"a page with {quote(containing)}", quote(reply.body, 200), hint)
        return self

    def serves(self, *, containing: str = "", within_s: float = 5) -> Self:
        """Its web server answers a GET at any port of the host that leads to it, with this text.

        Example: ``engine.container("web").serves(containing="Hello world!")``
        """
        if not self._runs("published port", "one that answers HTTP"):
            return self
        bindings = [binding for binding in self.box.published if binding.proto == "tcp"]
        replies: list[HttpReply] = []

        def look() -> bool:
            ask = self.context.inspector.host_http
            replies[:] = [ask(binding.host_ip, binding.host_port, "/") for binding in bindings]
            return any(reply.status == 200 and containing in reply.body for reply in replies)

        if not bindings:
            hint = self.run_again("with `-p` or `-P`")
            return self.differs("published port", "one that answers HTTP", "none", hint)
        if self.context.wait(look, within_s):
            return self
        asked = listing(map(str, bindings), 4)
        answered = next((reply for reply in replies if reply.status), None)
        found = f"HTTP {answered.status} {quote(answered.body, 100)}" if answered else f"no answer at {asked}"
        expected = f"a page with {quote(containing)}" if containing else "one that answers HTTP"
        hint = (
            "Which port does its program listen on (its log may say)? `-p` must lead there, and the program "
            f"must listen on 0.0.0.0. {self.run_again()}"
        )
        return self.differs("published port", expected, found, hint)

    def answers_udp(
        self,
        port: int,
        *,
        send: str = "",
        expect: str = "",
        capitals: bool = False,
        within_s: float = 5,
        host_port: int | None = None,
    ) -> Self:
        """It sends each datagram to its ``port`` (the container's) back; ``capitals``: in capital letters.

        ``send``: send this datagram instead, and look for ``expect`` in the reply.

        ``host_port``: send it from the engine's host, to the port that it is published at.

        Example: ``engine.container("shouter").answers_udp(5000, capitals=True)``
        """
        asked = f"answer on UDP port {port}"
        if not self._runs(asked, quote(expect) if send else "what was sent"):
            return self
        inspector = self.context.inspector
        if host_port is not None:
            asked += f", published at {host_port}"

        def ask(words: str) -> UdpReply:
            if host_port is None:
                return inspector.probe_udp(self.box.id, port, words, within_s, self._addresses())
            return inspector.host_udp("", host_port, words, within_s)

        fault = datagrams.fault(ask, send=send, expect=expect, capitals=capitals)
        if fault is None:
            return self
        if fault.error:
            hint = f"Does its program listen there, for UDP? `-p` must say so: `{port}/udp`. See its log."
            return self.differs(asked, fault.expected, f"none ({fault.error})", hint)
        hint = f"Something answers, but not what it should: is it the right command? {datagrams.HINT}"
        return self.differs(asked, fault.expected, fault.found, f"{hint} {self.run_again()}")

    # What it finds

    def resolves(self, name: str, *, to: str | None = None) -> Self:
        """It resolves the name to the container ``to`` (None: the one of that name, else any here).

        Example: ``engine.container("reader").resolves("books").resolves("db", to="books")``
        """
        self._find(name, to)
        return self

    def reaches(self, name: str, port: int, *, to: str | None = None, within_s: float = 5) -> Self:
        """It can connect to ``port`` of the container that it knows as ``name``; an address works, too.

        Example: ``engine.container("reader").reaches("db", 5000, to="books")``
        """
        found = self._find(name, to)
        if found is None:
            return self
        reached = Reached(False)

        def look() -> bool:
            nonlocal reached
            address = found.addresses[0]
            reached = self.context.inspector.probe_tcp(self.box.id, address, port, min(1, within_s))
            return reached.open

        self.context.wait(look, within_s)
        if not reached.open:
            hint = "Is that container running, and does its server listen on that port?"
            self.differs(
                f"connection to {name}:{port}", "one that can be made", f"none ({reached.error})", hint
            )
        return self

    def _find(self, name: str, to: str | None) -> Resolved | None:
        """What the container finds for a name, if that is right; else a finding."""
        asked, expected = f"name {name}", f"the address of {quote(to or name)}"
        if not self._runs(asked, expected):
            return None
        found = Resolved((name,)) if _is_address(name) else self.context.inspector.resolve(self.box.id, name)
        if not found.addresses:
            self.differs(asked, expected, f"no address ({found.error})", self._name_hint(to or name))
            return None
        target = self.context.snapshot.container(to or name)
        owners = [box for box in self.context.snapshot.containers if _has(box, found.addresses)]
        if (target is not None and target not in owners) or (to and target is None) or not owners:
            where = (
                listing(box.name for box in owners)
                if owners
                else f"{found.addresses[0]}, not a container's here"
            )
            hint = "Another container, or a line of a hosts file, has that name: look for it."
            self.differs(asked, expected, where, hint)
            return None
        return found

    def _name_hint(self, other: str) -> str:
        target = self.context.snapshot.container(other)
        if target is None:
            return f"No container is called {quote(other)}."
        if not target.running:
            return f"Only running containers have a name there: `docker start {target.name}`."
        shared = {place.network for place in self.box.networks} & {place.network for place in target.networks}
        if not shared:
            return "They share no network: `docker network connect NETWORK CONTAINER` joins one."
        if shared == {"bridge"}:
            return "On the default network containers have no names: put both on one that you created."
        return "Are both on a network that you created, and is the name spelled right?"

    # All of these

    def _runs(self, prop: str, expected: str) -> bool:
        if self.box.running:
            return True
        box = self.box
        hint = f"Start it: `docker start {box.name}`. If it ends at once, its log may say why."
        self.differs(prop, expected, f"a container that is {box.status or 'in no state'}", hint)
        return False

    def _addresses(self) -> tuple[str, ...]:
        """Where its own programs answer: its loopback, then its address in each network."""
        return ("127.0.0.1", *(place.address for place in self.box.networks if place.address))


def _has(box: Container, addresses: tuple[str, ...]) -> bool:
    return any(place.address in addresses for place in box.networks if place.address)


def _is_address(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).version == 4
    except ValueError:
        return False
