"""Questions about how a container was set up: terminal, ports, labels, networks."""

from __future__ import annotations

from typing import Self

from grader.expect.check_context import CheckContext
from grader.expect.shell import options_after_image
from grader.expect.student_values import Hidden
from grader.expect.words import command, listing, quote
from grader.state import Binding, Container


class ContainerSetup:
    """The part of ``engine.container("name")`` that reads the container's settings."""

    def __init__(self, context: CheckContext, box: Container) -> None:
        self.context = context
        self.box = box
        """The container as it was seen last."""
        self.what = f"container {box.name}"
        context.touch(box)

    @property
    def id(self) -> str:
        """Its full id.

        Example: ``engine.answer("long_id").equals(engine.container("web").id)``
        """
        return self.box.id

    def differs(self, prop: str, expected: str, found: str, hint: str = "") -> Self:
        """Note a finding about this container, and continue.

        Example::

            box = engine.container("web")
            if not box.box.init:
                box.differs("init", "on", "off")
        """
        self.context.find(self.what, prop, expected, found, hint)
        return self

    def look_again(self) -> None:
        """Read this container's current state again.

        Example::

            box = engine.container("web")
            box.look_again()
            box.is_running()
        """
        self.box = self.context.again(self.box)

    def run_again(self, how: str = "") -> str:
        """What to do about settings that are fixed when a container is created. ``how``: what differs then.

        Example::

            box = engine.container("web")
            if not box.box.init:
                box.differs("init", "on", "off", box.run_again("with `--init`"))
        """
        return f"Remove the container (`docker rm -f {self.box.name}`) and run it again{how and ' '}{how}."

    # A terminal and a standard input

    def has_tty(self) -> Self:
        """Was created with a terminal (``-t``).

        Example: ``engine.container("dialog").has_tty()``
        """
        if not self.box.tty:
            self.differs("terminal", "one", "none", self.run_again("with `-t` (`tty=True` in Python)"))
        return self

    def keeps_stdin_open(self) -> Self:
        """Was created with an open standard input (``-i``).

        Example: ``engine.container("dialog").keeps_stdin_open()``
        """
        if not self.box.open_stdin:
            hint = self.run_again("with `-i` (`stdin_open=True` in Python)")
            self.differs("standard input", "open", "closed", hint)
        return self

    # Ports

    def publishes(
        self, port: int, host_port: int | None = None, *, host_ip: str | None = None, proto: str = "tcp"
    ) -> Self:
        """Its ``port`` is published at the host's ``host_port`` and ``host_ip`` (None: any).

        Example: ``engine.container("web").publishes(5000, 5001, host_ip="127.0.0.1")``
        """
        wanted = f"{port}/{proto}"
        if host_port is not None or host_ip is not None:
            wanted = str(Binding(port, proto, host_ip or "", host_port or 0)).replace("?", "any port")
        bindings = self.box.bindings
        if any(_bound(binding, port, host_port, host_ip, proto) for binding in bindings):
            return self
        found = ", ".join(map(str, bindings[:8])) or "no published port"
        return self.differs("ports", wanted, found, self._port_hint(port, host_port, host_ip, proto))

    def publishes_only(
        self, port: int, host_port: int | None = None, *, host_ip: str | None = None, proto: str = "tcp"
    ) -> Self:
        """As ``publishes``, and nothing else: no other port, and this one nowhere else.

        Example: ``engine.container("shouter").publishes_only(5000, 5004, proto="udp")``
        """
        bindings = self.box.bindings
        others = [b for b in bindings if not _bound(b, port, host_port, host_ip, proto)]
        if len(others) == len(bindings):
            return self.publishes(port, host_port, host_ip=host_ip, proto=proto)
        if others:
            found = ", ".join(map(str, others[:8]))
            hint = f"Ports are chosen when a container is created. {self.run_again('without these')}"
            self.differs("other ports", "none", found, hint)
        return self

    def _port_hint(self, port: int, host_port: int | None, host_ip: str | None, proto: str) -> str:
        bindings = self.box.bindings
        if not bindings and self.box.publish_all and not self.box.running:
            return f"Its ports are bound while it runs: `docker start {self.box.name}`."
        if late := self._late_port():
            what = f"`{late}` came after the image, so it went to the program: options go before the image."
        elif any(b.port == host_port and b.host_port == port for b in bindings):
            what = "The two are swapped: the host's port comes first, then the container's."
        elif any(b.port == port and b.proto != proto for b in bindings):
            what = f"The protocol comes after the port: `{port}/{proto}`."
        else:
            what = "Ports are chosen when a container is created."
        return f"{what} {self.run_again(f'with `{self._option(port, host_port, host_ip, proto)}`')}"

    def _late_port(self) -> str:
        """The option that was to publish a port and came too late; other programs have a ``-p``, too."""
        config = self.context.inspector.image(self.box.image_id)
        if self.box.bindings or config is None or config.cmd == self.box.cmd:
            return ""
        late = options_after_image(self.box.cmd, "-p", "--publish", "-P", "--publish-all")
        meant = late and (late[0] != "-p" or any(":" in word for word in late[1:2]))
        return late[0] if meant else ""

    @staticmethod
    def _option(port: int, host_port: int | None, host_ip: str | None, proto: str) -> str:
        """The option of ``docker run`` that asks for it."""
        at = f"{host_ip}:" if host_ip else ""
        outside = host_port if host_port is not None else ""
        suffix = "" if proto == "tcp" else f"/{proto}"
        return f"-p {at}{outside}{':' if at or outside else ''}{port}{suffix}"

    def publishes_all_ports(self) -> Self:
        """Was created with ``-P``.

        Example: ``engine.container("books").publishes_all_ports()``
        """
        if not self.box.publish_all:
            hint = self.run_again("with `-P` (`publish_all_ports=True` in Python)")
            self.differs("publishing all ports", "yes", "no", hint)
        return self

    # Labels, environment and the like

    def has_label(self, name: str, value: str | None = None) -> Self:
        """Has this label (None: with any value).

        Example: ``engine.container("web").has_label("role", "shop")``
        """
        return self._entry("label", self.box.labels, name, value, f"`--label {name}={value or '...'}`")

    def has_env(self, name: str, value: str | None = None) -> Self:
        """Has this environment variable (None: with any value).

        Example: ``engine.container("web").has_env("PROVIDER", "you")``
        """
        return self._entry("variable", self.box.env, name, value, f"`-e {name}={value or '...'}`")

    def _entry(self, kind: str, table: dict[str, str], name: str, value: str | None, option: str) -> Self:
        if name not in table or (value is not None and table[name] != value):
            found = quote(table[name]) if name in table else f"no such {kind}; there are {listing(table)}"
            expected = "set" if value is None else quote(value)
            self.differs(f"{kind} {name}", expected, found, self.run_again(f"with {option}"))
        return self

    def has_command(self, *argv: str) -> Self:
        """The command part alone (what came after the image, or the image's CMD).

        Example: ``engine.container("web").has_command("python", "app.py")``
        """
        if self.box.cmd != argv:
            config = self.context.inspector.image(self.box.image_id)
            own = config is not None and config.cmd == argv
            hint = self.run_again(
                "without a command after the image" if own else "with this command after the image"
            )
            self.differs("command without entry point", command(argv), command(self.box.cmd), hint)
        return self

    def has_entrypoint(self, *argv: str) -> Self:
        """The entry point alone.

        Example: ``engine.container("clock").has_entrypoint("date")``
        """
        if self.box.entrypoint != argv:
            hint = f"It is the image's ENTRYPOINT, or `--entrypoint` for one container. {self.run_again()}"
            self.differs("entry point", command(argv), command(self.box.entrypoint), hint)
        return self

    def has_restart_policy(self, name: str) -> Self:
        """Has this restart policy: no, always, unless-stopped or on-failure.

        Example: ``engine.container("web").has_restart_policy("on-failure")``
        """
        if self.box.restart_policy != name:
            hint = (
                f"`--restart {name}` when you create it, or `docker update --restart {name} {self.box.name}`."
            )
            self.differs("restart policy", name, quote(self.box.restart_policy), hint)
        return self

    def is_named(self, name: str) -> Self:
        """Has exactly this name (useful after ``engine.answer("x").container()``).

        Example: ``engine.answer("culprit").container().is_named("grumble")``
        """
        if self.box.name != name:
            self.differs("name", quote(name), quote(self.box.name), "`--name` gives it, `docker rename` too.")
        return self

    # Networks

    def is_on_network(self, name: str) -> Self:
        """Is attached to this network.

        Example: ``engine.container("books").is_on_network("estate")``
        """
        if self.box.endpoint(name) is None:
            networks = listing(place.network for place in self.box.networks)
            hint = (
                f"`docker network connect {name} {self.box.name}`, or `--network {name}` when you create it."
            )
            self.differs("networks", quote(name), networks, hint)
        return self

    def is_not_on_network(self, name: str) -> Self:
        """Is not attached to this network.

        Example: ``engine.container("books").is_not_on_network("bridge")``
        """
        if self.box.endpoint(name) is not None:
            hint = f"`docker network disconnect {name} {self.box.name}`."
            self.differs("networks", f"not {quote(name)}", "attached to it", hint)
        return self

    def is_only_on_networks(self, *names: str) -> Self:
        """Is attached to each of these networks, and to no other.

        Example: ``engine.container("books").is_only_on_networks("estate")``
        """
        for name in names:
            self.is_on_network(name)
        for place in self.box.networks:
            if place.network not in names:
                self.is_not_on_network(place.network)
        return self

    def has_alias(self, name: str, network: str) -> Self:
        """Has this alias in this network, for all containers there (a link does not count).

        Example: ``engine.container("books").has_alias("db", "estate")``
        """
        place = self.box.endpoint(network)
        if place is None:
            return self.is_on_network(network)
        if name not in place.aliases:
            box = self.box.name
            hint = (
                "Such a name is given when a container joins a network, so it leaves first: `docker network "
                f"disconnect {network} {box}`, then `docker network connect --alias {name} {network} {box}`. "
                f"Or `--network-alias {name}` when you create it."
            )
            self.differs(f"names in {network}", quote(name), listing(place.aliases), hint)
        return self

    def is_from_scene(self, task: str) -> Self:
        """Was created by ``scene("task")`` for this student, not by the student.

        Example: ``engine.container("switchboard").is_from_scene("switchboard")``
        """
        if Hidden(self.context.inspector.student).label(task).items() - self.box.labels.items():
            hint = f'Run the cell with `scene("{task}")` again, and do not change what it makes.'
            self.differs("creation", f'by `scene("{task}")`', "another container of that name", hint)
        return self

    def has_no_links(self) -> Self:
        """Was created without the old ``--link``.

        Example: ``engine.container("reader").has_no_links()``
        """
        if self.box.links:
            links = listing(f"{other}:{inside}" for other, inside in self.box.links)
            hint = f"A link is created with the container. {self.run_again('without `--link`')}"
            self.differs("links", "none", links, hint)
        return self

    def made_before(self, other: ContainerSetup, hint: str = "") -> Self:
        """Was created before the other one. The engine records when; no rename, start or label changes it.

        Example: ``engine.container("books").made_before(engine.container("reader"))``
        """
        mine, theirs = self.box.created_at, other.box.created_at
        if mine is None or theirs is None or mine >= theirs:
            self.differs("creation", f"before {other.what}", "after it: it is not the same one", hint)
        return self

    def links_to(self, name: str, alias: str | None = None) -> Self:
        """Was created with the old ``--link`` to the container ``name``.

        Example: ``engine.container("parent").links_to("web", "app")``
        """
        if not any(other == name and alias in (None, inside) for other, inside in self.box.links):
            links = listing(f"{other}:{inside}" for other, inside in self.box.links)
            self.differs("links", quote(f"{name}:{alias}" if alias else name), links)
        return self


def _bound(binding: Binding, port: int, host_port: int | None, host_ip: str | None, proto: str) -> bool:
    if binding.port != port or binding.proto != proto:
        return False
    if host_port is not None and binding.host_port != host_port:
        return False
    everywhere = host_ip in ("", "0.0.0.0")  # noqa: S104 (compared, not bound)
    return host_ip is None or binding.host_ip == host_ip or (everywhere and binding.every_interface)
