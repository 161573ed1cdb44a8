"""What a Debian notes about itself, read, and asked as questions that one forged file does not answer."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from grader.expect import Outcome
from grader.state import FileThere, debian
from grader.state.debian import Group, Package, PackageSource, User
from tests.unit.inspectors import FakeInspector, Question, ask, container, only_finding

STATUS = """\
Package: base-files
Status: install ok installed
Version: 13.8

Package: dpkg
Status: install ok installed
Version: 1.22
Description: package management
 Package: this is no field

Package: docker.io
Status: install ok installed
Version: 26.1

Package: runc
Status: deinstall ok config-files
Version: 1.1
"""
PROGRAM = "the daemon"


def machine(**changed: str | None) -> FakeInspector:
    """A container with docker.io in it; ``changed``: files by short name, None for gone."""
    digest = hashlib.md5(PROGRAM.encode(), usedforsecurity=False).hexdigest()
    sums = f"{digest}  usr/sbin/dockerd\n"
    files: dict[str, str | None] = {
        "status": STATUS,
        "sums": sums,
        "dockerd": PROGRAM,
        "passwd": "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n",
        "shadow": "root:*:1:0:1:7:::\nann:!:1:0:1:7:::\n",
        "group": "root:x:0:\ndocker:x:990:ann\nann:x:1000:\n",
    }
    places = {
        "status": "/var/lib/dpkg/status",
        "sums": "/var/lib/dpkg/info/docker.io.md5sums",
        "dockerd": "/usr/sbin/dockerd",
        "passwd": "/etc/passwd",
        "shadow": "/etc/shadow",
        "group": "/etc/group",
    }
    inspector = FakeInspector(container())
    for name, text in (files | changed).items():
        if text is not None:
            inspector.files[places[name]] = FileThere(len(text), text=text)
    inspector.sources["docker.io"] = PackageSource("26.1", debian.checksums(sums))
    return inspector


def test_the_formats() -> None:
    found = debian.packages(STATUS)
    assert found["docker.io"] == Package("docker.io", "installed", "26.1")
    assert list(found) == ["base-files", "dpkg", "docker.io", "runc"]
    assert not found["runc"].installed
    assert debian.checksums("ab  usr/bin/a b\nno\n") == {"/usr/bin/a b": "ab"}
    assert debian.users("a:x:1:2::/:/bin/sh\na:x:0:0::/:/bin/sh\n# b:x\n") == {"a": User("a", "2")}
    assert debian.groups("d:x:9:a,b\nd:x:9:c\ne:x::\n") == {"d": Group("d", "9", ("a", "b"))}


RIGHT: list[Question] = [
    lambda e: e.container("web").has_package("docker.io").lacks_package("containerd"),
    lambda e: e.container("web").has_user("ann").group_holds("docker", "ann").lacks_group("wheel"),
]


@pytest.mark.parametrize("question", RIGHT)
def test_a_machine_as_it_should_be(question: Question) -> None:
    assert ask(machine(), question) == Outcome.passed()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"status": STATUS.replace("Package: docker.io", "Package: docker")},
            "found not installed. `docker exec",
        ),
        ({"status": None}, "no list of Debian packages"),
        ({"status": "Package: docker.io\nStatus: install ok unpacked\n"}, "found unpacked, not set up"),
        ({"dockerd": "#!/bin/sh\n"}, "'/usr/sbin/dockerd' not as in the package"),
        ({"dockerd": None}, "'/usr/sbin/dockerd' not as in the package"),
        ({"sums": None}, "dpkg's records of it"),
        ({"sums": "ab  usr/sbin/dockerd\n"}, "dpkg's records of it"),
        ({"status": STATUS.replace("26.1", "27")}, "dpkg's records of it"),
    ],
)
def test_a_package_that_only_seems_to_be_there(changed: dict[str, str | None], words: str) -> None:
    told = only_finding(machine(**changed), lambda e: e.container("web").has_package("docker.io"))
    assert words in told


def test_where_the_source_is_not_known_the_machines_own_records_count() -> None:
    inspector = machine()
    inspector.sources.clear()
    assert ask(inspector, RIGHT[0]) == Outcome.passed()
    inspector.files["/usr/sbin/dockerd"] = replace(inspector.files["/usr/sbin/dockerd"], text="other")
    assert "not as in the package" in only_finding(
        inspector, lambda e: e.container("web").has_package("docker.io")
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "found installed. `docker exec web apt-get purge -y docker.io`"),
        (
            {"status": STATUS.replace("Package: docker.io", "Package: d")},
            "'/var/lib/dpkg/info/docker.io.md5sums'",
        ),
        (
            {"status": STATUS.replace("Package: docker.io", "Package: d"), "sums": None},
            "'/usr/sbin/dockerd' still there",
        ),
    ],
)
def test_a_package_that_only_seems_to_be_gone(changed: dict[str, str | None], words: str) -> None:
    told = only_finding(machine(**changed), lambda e: e.container("web").lacks_package("docker.io"))
    assert words in told
    assert "removed, its configuration kept" in only_finding(
        machine(), lambda e: e.container("web").lacks_package("runc")
    )


@pytest.mark.parametrize(
    ("changed", "question", "words"),
    [
        ({"passwd": "# ann:\n"}, "user", "found no such user. `docker exec web useradd ann`"),
        ({"passwd": "ann:x:1000:990::/:/bin/sh\n"}, "user", "main group: expected 'ann', found 'docker'"),
        ({"passwd": "ann:x:1000:77::/:/bin/sh\n"}, "user", "number 77, which no group has"),
        ({"shadow": "root:*:1:0:1:7:::\n"}, "user", "in /etc/passwd alone"),
        ({"group": "ann:x:1000:\n"}, "group", "found no such group. `docker exec web groupadd docker`"),
        (
            {"group": "docker:x:990:\nann:x:1000:\n"},
            "group",
            "found none. In this container: `usermod -aG docker ann`",
        ),
        ({"group": "docker:x:990:bob,ann\n"}, "group", "`gpasswd -d bob docker`"),
        ({"passwd": "bob:x:1:990::/:/bin/sh\n"}, "group", "`userdel bob`"),
        ({}, "gone", "group docker: expected gone"),
    ],
)
def test_users_and_groups(changed: dict[str, str | None], question: str, words: str) -> None:
    questions: dict[str, Question] = {
        "user": lambda e: e.container("web").has_user("ann"),
        "group": lambda e: e.container("web").group_holds("docker", "ann"),
        "gone": lambda e: e.container("web").lacks_group("docker"),
    }
    assert words in only_finding(machine(**changed), questions[question])
