"""Questions about how a container was set up: terminal, ports, labels, networks."""

from __future__ import annotations

from typing import Self

from grader.expect.scene import Scene
from grader.expect.words import command, listing, quote
from grader.state import Binding, Container


class ContainerSetup:
    """The part of ``engine.container("name")`` that reads the container's settings."""

    def __init__(self, scene: Scene, box: Container) -> None:
        self.scene = scene
        self.box = box
        """The container as it was seen last."""
        self.what = f"container {box.name}"
        scene.touch(box)

    @property
    def id(self) -> str:
        """Its full id."""
        return self.box.id

    def differs(self, prop: str, expected: str, found: str, hint: str = "") -> Self:
        """Note a finding about this container, and go on."""
        self.scene.find(self.what, prop, expected, found, hint)
        return self

    def look_again(self) -> None:
        """Read this container anew."""
        self.box = self.scene.again(self.box)

    # A terminal and a standard input

    def has_tty(self) -> Self:
        """Was made with a terminal (``-t``)."""
        if not self.box.tty:
            self.differs("terminal", "one", "none", "Ask for one: `-t`, or `tty=True` in Python.")
        return self

    def keeps_stdin_open(self) -> Self:
        """Was made with an open standard input (``-i``)."""
        if not self.box.open_stdin:
            hint = "Keep it open: `-i`, or `stdin_open=True` in Python."
            self.differs("standard input", "open", "closed", hint)
        return self

    # Ports

    def publishes(
        self, port: int, host_port: int | None = None, *, host_ip: str | None = None, proto: str = "tcp"
    ) -> Self:
        """Its ``port`` is reached at the host's ``host_port`` and ``host_ip`` (None: at any)."""
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
        """As ``publishes``, and nothing else: no other port, and this one at no other place."""
        bindings = self.box.bindings
        others = [b for b in bindings if not _bound(b, port, host_port, host_ip, proto)]
        if len(others) == len(bindings):
            return self.publishes(port, host_port, host_ip=host_ip, proto=proto)
        if others:
            found = ", ".join(map(str, others[:8]))
            hint = "Ports are chosen when a container is made: remove it and run it again without these."
            self.differs("other ports", "none", found, hint)
        return self

    def _port_hint(self, port: int, host_port: int | None, host_ip: str | None, proto: str) -> str:
        bindings = self.box.bindings
        if not bindings and self.box.publish_all and not self.box.running:
            return f"Its ports are bound while it runs: `docker start {self.box.name}`."
        if any(b.port == host_port and b.host_port == port for b in bindings):
            return "Turned round: the host's port comes first, then the container's."
        if any(b.port == port and b.proto != proto for b in bindings):
            return f"The protocol comes after the port: `{port}/{proto}`."
        at = f"{host_ip}:" if host_ip else ""
        outside = host_port if host_port is not None else ""
        suffix = "" if proto == "tcp" else f"/{proto}"
        option = f"-p {at}{outside}{':' if at or outside else ''}{port}{suffix}"
        return f"Ports are chosen when a container is made: remove it and run it again with `{option}`."

    def publishes_all_ports(self) -> Self:
        """Was made with ``-P``."""
        if not self.box.publish_all:
            hint = "Remove it and run it again with `-P`, or `publish_all_ports=True` in Python."
            self.differs("publishing all ports", "yes", "no", hint)
        return self

    # Labels, environment and the like

    def has_label(self, name: str, value: str | None = None) -> Self:
        """Carries this label (None: with any value)."""
        return self._entry("label", self.box.labels, name, value, f"`--label {name}={value or '...'}`")

    def has_env(self, name: str, value: str | None = None) -> Self:
        """Has this environment variable (None: with any value)."""
        return self._entry("variable", self.box.env, name, value, f"`-e {name}={value or '...'}`")

    def _entry(self, kind: str, table: dict[str, str], name: str, value: str | None, option: str) -> Self:
        if name not in table or (value is not None and table[name] != value):
            found = quote(table[name]) if name in table else f"no such {kind}; there are {listing(table)}"
            expected = "set" if value is None else quote(value)
            self.differs(f"{kind} {name}", expected, found, f"Set it when you make the container: {option}.")
        return self

    def has_command(self, *argv: str) -> Self:
        """The command part alone (what came after the image, or the image's CMD)."""
        if self.box.cmd != argv:
            hint = "This is the part after the image; the entry point comes before it."
            self.differs("command without entry point", command(argv), command(self.box.cmd), hint)
        return self

    def has_entrypoint(self, *argv: str) -> Self:
        """The entry point alone."""
        if self.box.entrypoint != argv:
            hint = "The image's ENTRYPOINT, or `--entrypoint` for this container."
            self.differs("entry point", command(argv), command(self.box.entrypoint), hint)
        return self

    def has_restart_policy(self, name: str) -> Self:
        """Is restarted: no, always, unless-stopped or on-failure."""
        if self.box.restart_policy != name:
            hint = f"`--restart {name}` when it is made, or `docker update --restart {name} {self.box.name}`."
            self.differs("restart policy", name, quote(self.box.restart_policy), hint)
        return self

    def is_named(self, name: str) -> Self:
        """Has exactly this name (useful after ``engine.answer("x").container()``)."""
        if self.box.name != name:
            self.differs("name", quote(name), quote(self.box.name), "`--name` gives it, `docker rename` too.")
        return self

    # Networks

    def is_on_network(self, name: str) -> Self:
        """Is attached to this network."""
        if self.box.endpoint(name) is None:
            networks = listing(place.network for place in self.box.networks)
            hint = f"`docker network connect {name} {self.box.name}`, or `--network {name}` when it is made."
            self.differs("networks", quote(name), networks, hint)
        return self

    def is_not_on_network(self, name: str) -> Self:
        """Is not attached to this network."""
        if self.box.endpoint(name) is not None:
            hint = f"`docker network disconnect {name} {self.box.name}`."
            self.differs("networks", f"not {quote(name)}", "attached to it", hint)
        return self

    def is_only_on_networks(self, *names: str) -> Self:
        """Is attached to each of these networks, and to no other."""
        for name in names:
            self.is_on_network(name)
        for place in self.box.networks:
            if place.network not in names:
                self.is_not_on_network(place.network)
        return self

    def has_alias(self, name: str, network: str) -> Self:
        """Has this name too in this network, for everyone there: an alias, not another one's link."""
        place = self.box.endpoint(network)
        if place is None:
            return self.is_on_network(network)
        if name not in place.aliases:
            hint = f"`--network-alias {name}` when it is made, or `docker network connect --alias {name}`."
            self.differs(f"names in {network}", quote(name), listing(place.aliases), hint)
        return self

    def links_to(self, name: str, alias: str | None = None) -> Self:
        """Was made with the old ``--link`` to the container ``name``."""
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
