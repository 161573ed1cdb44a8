"""What a check finds in how a container was made: its ports, networks, names and links."""

from __future__ import annotations

import pytest

from grader.expect import Outcome
from tests.unit.inspectors import FakeInspector, Question, ask, container, only_finding


def bound(*ports: tuple[str, str, int]) -> FakeInspector:
    """A container with these ports on the host: its own, the host's address, the host's port."""
    table: dict[str, list[dict[str, str]]] = {}
    for port, host_ip, host_port in ports:
        table.setdefault(port, []).append({"HostIp": host_ip, "HostPort": str(host_port)})
    return FakeInspector(container(NetworkSettings={"Ports": table}))


def test_publishing_one_port_and_nothing_else() -> None:
    home = ("5000/tcp", "127.0.0.1", 5001)
    assert ask(bound(home), lambda e: e.container("web").publishes_only(5000, 5001, host_ip="127.0.0.1")) == (
        Outcome.passed()
    )
    for other in (("5000/tcp", "0.0.0.0", 32768), ("5000/udp", "127.0.0.1", 5001), ("80/tcp", "", 8080)):
        words = only_finding(
            bound(home, other), lambda e: e.container("web").publishes_only(5000, 5001, host_ip="127.0.0.1")
        )
        assert "other ports: expected none" in words
        assert str(other[2]) in words


def test_both_families_of_addresses_are_one_place() -> None:
    everywhere = bound(("80/tcp", "0.0.0.0", 80), ("80/tcp", "::", 80))
    assert ask(everywhere, lambda e: e.container("web").publishes_only(80, 80)) == Outcome.passed()


def test_without_the_port_itself_the_finding_is_about_that() -> None:
    for inspector in (bound(), bound(("80/tcp", "127.0.0.1", 5001))):
        words = only_finding(inspector, lambda e: e.container("web").publishes_only(5000, 5001))
        assert "ports: expected 0.0.0.0:5001->5000/tcp" in words


@pytest.mark.parametrize(
    ("cmd", "late"),
    [
        (["python", "app.py", "-p", "5101:5000"], True),
        (["python", "app.py", "--publish=5101:5000"], True),
        (["httpd", "-f", "-p", "80"], False),
    ],
)
def test_a_port_that_came_after_the_image(cmd: list[str], late: bool) -> None:
    inspector = FakeInspector(container(config={"Cmd": cmd}))
    told = only_finding(inspector, lambda e: e.container("web").publishes(5000, 5101))
    assert ("came after the image" in told) is late
    inspector.config = {"Config": {"Cmd": cmd}}  # the image's own
    told = only_finding(inspector, lambda e: e.container("web").publishes(5000, 5101))
    assert "came after the image" not in told


def test_being_on_these_networks_and_on_no_other() -> None:
    here = {"cellar": {"IPAddress": "10.0.0.2"}, "hall": {"IPAddress": "10.0.1.2"}}
    inspector = FakeInspector(container(NetworkSettings={"Networks": here}))
    both = ask(inspector, lambda e: e.container("web").is_only_on_networks("hall", "cellar"))
    assert both == Outcome.passed()
    words = only_finding(inspector, lambda e: e.container("web").is_only_on_networks("cellar"))
    assert "networks: expected not 'hall', found attached to it" in words
    words = only_finding(
        inspector, lambda e: e.container("web").is_only_on_networks("cellar", "hall", "attic")
    )
    assert "networks: expected 'attic'" in words


def test_a_second_name_in_a_network() -> None:
    here = {"estate": {"Aliases": ["db"], "DNSNames": ["web", "db"]}, "hall": {}}
    inspector = FakeInspector(container(NetworkSettings={"Networks": here}))
    assert ask(inspector, lambda e: e.container("web").has_alias("db", "estate")) == Outcome.passed()
    words = only_finding(inspector, lambda e: e.container("web").has_alias("db", "hall"))
    assert "names in hall: expected 'db', found none" in words
    assert "--network-alias db" in words
    words = only_finding(inspector, lambda e: e.container("web").has_alias("db", "attic"))
    assert "networks: expected 'attic'" in words


def test_links_and_when_a_container_was_made() -> None:
    first = container("first", Created="2026-01-01T00:00:00Z")
    later = container("later", Created="2026-01-01T00:00:01Z", HostConfig={"Links": ["/db:/later/store"]})
    inspector = FakeInspector(first, later)
    right: Question = lambda e: e.container("first").has_no_links().made_before(e.container("later"))  # noqa: E731
    assert ask(inspector, right) == Outcome.passed()
    assert "'db:store'. A link is created with the container. Remove" in only_finding(
        inspector, lambda e: e.container("later").has_no_links()
    )
    inside = container("inside", NetworkSettings={"Networks": {"back": {"Links": ["db:store"]}}})
    told = only_finding(FakeInspector(inside), lambda e: e.container("inside").has_no_links())
    assert "found 'db:store'" in told
    assert "it is not the same one. Once more." in only_finding(
        inspector, lambda e: e.container("later").made_before(e.container("first"), "Once more.")
    )
