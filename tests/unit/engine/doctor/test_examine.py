"""The doctor: every fact that can be wrong, its words and its exact next step."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from grader.engine.base import REAL_LIMITS, limits_line
from grader.engine.docker_context import DEFAULT_SOCKET as SOCKET
from grader.engine.docker_context import DockerContext
from grader.engine.doctor import examine as doctor
from grader.engine.doctor import facts
from grader.engine.doctor.examine import diagnose
from grader.engine.doctor.facts import Facts
from grader.engine.doctor.folders import Place
from grader.engine.doctor.report import Item
from grader.engine.doctor.virtual_machine import VMFacts
from grader.engine.endpoint import Endpoint

GB = 1 << 30
ANSWERS = Endpoint(SOCKET, engine_version="26.1.5", api_version="1.45")
ABSENT = Endpoint(SOCKET, "missing", "No such file or directory")
FINE = Facts(
    user="ann",
    endpoint=ABSENT,
    cache="/home/ann/.cache/dockbook",
    cache_free=20 * GB,
    memory_total=8 * GB,
    memory_available=4 * GB,
)


def item(found: Facts, name: str) -> Item:
    return next(item for item in diagnose(found).items if item.name == name)


def test_a_fine_machine_is_ready_without_any_docker():
    report = diagnose(FINE)
    assert report.usable
    assert [item.name for item in report.items if item.status == "problem"] == []


def test_a_line_says_whether_limits_are_real_and_why_not():
    assert item(replace(FINE, limits=REAL_LIMITS), "limits").status == "ok"
    none = item(replace(FINE, limits=limits_line([], "no systemd")), "limits")
    assert none.status == "note"
    assert "(no systemd): -m limits nothing" in none.text
    assert "--backend vm" in none.next_step
    partly = item(replace(FINE, limits=limits_line(["memory", "pids"], "")), "limits")
    assert partly.status == "note"
    assert "--cpus is refused" in partly.text
    assert not [one for one in diagnose(FINE).items if one.name == "limits"]  # not tried: nothing is said


NO_SANDBOX = [
    ({"system": "Darwin"}, "macOS has no user namespaces", ""),
    ({"max_user_namespaces": 0}, "allows no user namespaces", "sudo sysctl user.max_user_namespaces=15000"),
    ({"unprivileged_userns_clone": 0}, "ordinary users", "sudo sysctl kernel.unprivileged_userns_clone=1"),
    ({"namespaces": "mount: denied"}, "failed (mount: denied)", "dmesg"),
    ({"namespaces": "denied", "in_container": True}, "this container", "--security-opt seccomp=unconfined"),
    ({"namespaces": "denied", "apparmor_restricts": True}, "AppArmor", "sudo tee /etc/apparmor.d/dockbook"),
    ({"newuidmap": False}, "newuidmap", "sudo apt-get install uidmap"),
    ({"overlay": False}, "overlay", "sudo modprobe overlay"),
    (
        {"probed": True, "probe": "dockerd ended"},
        "a trial failed: dockerd ended",
        "dmesg",
    ),
    (
        {"subordinate_ids": "sudo usermod ..."},
        "ann has no 65,536 ids in /etc/subuid",
        "sudo usermod ...",
    ),
    (
        {"probed": True, "probe": "EPERM", "apparmor_restricts": True, "python_path": "/x/python3"},
        "a trial failed: EPERM",
        "profile dockbook /x/python3 flags=(unconfined)",
    ),
]


@pytest.mark.parametrize(("wrong", "words", "step"), NO_SANDBOX)
def test_why_there_is_no_sandbox(wrong, words, step):
    report = diagnose(replace(FINE, **wrong))
    found = next(item for item in report.items if item.name == "sandbox")
    assert found.status == ("problem" if step else "note")
    assert words in found.text
    assert step in found.next_step
    assert not report.usable


@pytest.mark.parametrize("wrong", [{"unprivileged_userns_clone": 0}, {"newuidmap": False}])
def test_root_needs_less(wrong):
    assert item(replace(FINE, uid=0, user="root", **wrong), "sandbox").status == "ok"


def test_a_sandbox_that_booted_outweighs_every_doubt():
    doubtful = replace(FINE, namespaces="denied", overlay=False, probed=True, probe=None)
    assert item(doubtful, "sandbox").status == "ok"


def test_the_apparmor_profile_is_whole_and_for_one_program():
    step = doctor.apparmor_step("/home/ann/.venv/bin/python3.12")
    profile = step.split("'")[1].replace("\\n", "\n")
    assert profile == (
        "abi <abi/4.0>,\ninclude <tunables/global>\n"
        "profile dockbook /home/ann/.venv/bin/python3.12 flags=(unconfined) {\n  userns,\n}\n"
    )
    assert step.endswith("sudo apparmor_parser --replace /etc/apparmor.d/dockbook")


NO_DOCKER = [
    (
        {"endpoint": ABSENT},
        "no Docker is installed",
        "not needed for a sandbox engine; to have it anyway: sudo apt",
    ),
    ({"endpoint": ABSENT, "system": "Darwin"}, "no Docker is installed", "install Docker Desktop"),
    ({"endpoint": ABSENT, "docker_installed": True}, "not running", "sudo systemctl start docker"),
    (
        {"endpoint": ABSENT, "docker_installed": True, "systemd": False},
        "not running",
        "sudo service docker start",
    ),
    (
        {"endpoint": Endpoint(SOCKET, "refused", "Connection refused"), "docker_installed": True},
        "not running",
        "sudo systemctl start docker",
    ),
    (
        {"endpoint": ABSENT, "docker_installed": True, "system": "Darwin"},
        "not running",
        "start Docker Desktop",
    ),
    (
        {
            "endpoint": Endpoint("unix:///desk.sock", "refused", "Connection refused"),
            "context": DockerContext("desk", "config.json", "unix:///desk.sock"),
            "other_sockets": ("unix:///run/user/1000/docker.sock",),
        },
        "the context 'desk' leads to unix:///desk.sock, where no Docker answers; one answers at unix:///run/user",
        "docker context use default",
    ),
    ({"wsl": True}, "no Docker is installed", "start Docker Desktop on Windows and switch on its WSL"),
    (
        {"endpoint": Endpoint(SOCKET, "denied", "Permission denied")},
        "ann may not use",
        "sudo usermod --append --groups docker ann, then log out and in again",
    ),
    (
        {"endpoint": Endpoint(SOCKET, "denied", "Permission denied"), "in_docker_group": True},
        "takes effect at your next login",
        "log out and in again",
    ),
    (
        {
            "endpoint": Endpoint(SOCKET, "denied", "Permission denied"),
            "in_docker_group": True,
            "has_docker_group": True,
        },
        "although in the docker group",
        "sudo systemctl restart docker",
    ),
    ({"endpoint": Endpoint(SOCKET, "timeout", "no answer within 2 s")}, "no answer", "restart docker"),
    ({"endpoint": Endpoint(SOCKET, "other", "strange")}, "strange", "sudo journalctl --unit docker"),
]


@pytest.mark.parametrize(("wrong", "words", "step"), NO_DOCKER)
def test_why_docker_does_not_answer(wrong, words, step):
    found = item(replace(FINE, **wrong), "engine")
    assert found.status in ("note", "problem")
    assert words in found.text
    assert step in found.next_step


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("bad-address", "DOCKER_HOST is tcp://nowhere:1: why"),
        ("no-name", "DOCKER_HOST is tcp://nowhere:1: why"),
        ("refused", "DOCKER_HOST is tcp://nowhere:1: why"),
        ("missing", "DOCKER_HOST is tcp://nowhere:1: why"),
        ("timeout", "DOCKER_HOST is tcp://nowhere:1: why"),
        ("not-docker", "what answers is not a Docker Engine (why)"),
    ],
)
def test_a_wrong_docker_host_is_a_problem_even_beside_a_sandbox(trouble, words):
    wrong = replace(FINE, docker_host="tcp://nowhere:1", endpoint=Endpoint("tcp://nowhere:1", trouble, "why"))
    found = item(wrong, "engine")
    assert found.status == "problem"
    assert words in found.text
    assert found.next_step.startswith("unset DOCKER_HOST (or correct it)")
    assert "--backend sandbox" in found.next_step
    # A lab takes what DOCKER_HOST names: it would not start.
    assert not diagnose(wrong).usable


def test_an_ssh_address_is_left_to_docker():
    found = item(
        replace(FINE, docker_host="ssh://a", endpoint=Endpoint("ssh://a", "untested", "not tried")), "engine"
    )
    assert (found.status, found.next_step) == ("note", "docker --host ssh://a version")


def test_an_engine_that_answers_makes_up_for_no_sandbox():
    report = diagnose(replace(FINE, endpoint=ANSWERS, max_user_namespaces=0))
    assert report.usable
    assert item(replace(FINE, endpoint=ANSWERS), "host").status == "ok"


def test_docker_is_a_problem_where_nothing_else_works():
    assert item(replace(FINE, max_user_namespaces=0), "engine").status == "problem"
    assert item(FINE, "engine").status == "note"


LOST = DockerContext("x", "DOCKER_CONTEXT", "", fault="is lost", next_step="`do this`")


@pytest.mark.parametrize(
    ("context", "status", "step"),
    [
        (LOST, "problem", "do this"),
        (DockerContext("x", "config.json", "unix:///x"), "ok", ""),
    ],
)
def test_a_context_is_followed_as_the_docker_command_does(context, status, step):
    found = item(replace(FINE, context=context), "context")
    assert (found.status, found.next_step) == (status, step)
    assert not context.fault or found.text == "'x', named by DOCKER_CONTEXT, is lost"


def test_a_context_over_tls_is_said_to_be_one():
    secure = DockerContext("x", "config.json", "tcp://lab:2376", {"DOCKER_TLS_VERIFY": "1"})
    assert item(replace(FINE, context=secure), "context").text.endswith("over TLS")


def test_a_context_that_is_not_there_is_told_of_once():
    context = DockerContext("x", "config.json", "", fault="does not exist")
    lost = replace(FINE, endpoint=Endpoint(SOCKET, "no-context", "not there"), context=context)
    assert (item(lost, "engine").status, item(lost, "engine").next_step) == ("note", "")
    assert item(lost, "context").status == "problem"


def test_no_word_about_contexts_where_they_do_not_matter():
    same = replace(FINE, context=DockerContext("desktop", "config.json", SOCKET))
    other = replace(FINE, context=DockerContext("x", "config.json", "unix:///y"), docker_host="unix:///x")
    for found in (FINE, same, other):
        assert "context" not in [item.name for item in diagnose(found).items]


def test_a_docker_that_answers_carries_an_engine():
    assert item(replace(FINE, endpoint=ANSWERS), "nested").status == "ok"
    assert "see Docker" in item(FINE, "nested").text
    mac = diagnose(replace(FINE, system="Darwin", endpoint=ANSWERS))
    assert mac.usable
    # Nothing is missing there.
    assert [one.name for one in mac.items if one.status == "problem"] == []


@pytest.mark.parametrize(
    ("wrong", "words", "step"),
    [
        ({}, "QEMU is not installed", "sudo apt-get install qemu-system-x86 qemu-utils"),
        ({"missing": ("qemu-utils",)}, "not installed", "sudo apt-get install qemu-utils"),
        ({"missing": (), "qemu": "10.0"}, "QEMU 10.0, emulated (there is no /dev/kvm", ""),
        ({"missing": (), "qemu": "10.0", "kvm": ""}, "QEMU 10.0, with KVM", ""),
        (
            {"missing": (), "qemu": "10.0", "kvm": "this user may not open /dev/kvm"},
            "may not open /dev/kvm",
            "sudo usermod --append --groups kvm ann, then log out and in again",
        ),
        (
            {"missing": (), "trouble": "300 MB of memory are available, 600 MB are needed"},
            "not available: 300 MB of memory",
            "free what is missing, or use another --backend",
        ),
    ],
)
def test_what_a_virtual_machine_finds(wrong, words, step):
    found = item(replace(FINE, vm=VMFacts(**wrong)), "vm")
    assert words in found.text
    assert found.next_step == step


def test_a_machine_without_namespaces_is_ready_with_a_virtual_machine():
    bare = replace(FINE, namespaces="not permitted", probe="not permitted", probed=True)
    assert not diagnose(bare).usable
    with_qemu = replace(bare, vm=VMFacts(missing=(), qemu="10.0", image="There is no snapshot yet."))
    assert diagnose(with_qemu).usable
    said = [found for found in diagnose(with_qemu).items if found.name == "vm"]
    assert [found.topic for found in said] == ["Engines", "Engine image"]
    assert said[1].next_step.startswith("dockbook engine build --backend vm")


@pytest.mark.parametrize(
    ("wrong", "name", "words", "step"),
    [
        ({"cache_free": GB // 2}, "disk", "1 GB are needed", "DOCKBOOK_CACHE"),
        ({"cache_free": 2 * GB, "image": "none yet."}, "disk", "4 GB are needed", "DOCKBOOK_CACHE"),
        ({"cache_free": None, "cache": "belongs to eve"}, "disk", "belongs to eve", "DOCKBOOK_CACHE"),
        ({"memory_available": GB}, "memory", "1.0 of 8.0 GB", "close other programs"),
        ({"image": "none yet.", "image_tools": False}, "trixie", "mmdebstrap", "apt-get install mmdebstrap"),
    ],
)
def test_room_and_image(wrong, name, words, step):
    found = item(replace(FINE, **wrong), name)
    assert found.status == "problem"
    assert words in found.text
    assert step in found.next_step


def test_no_image_yet_is_no_problem():
    found = item(replace(FINE, image="There is no engine image yet."), "trixie")
    assert found.status == "note"
    assert found.next_step.startswith("dockbook engine build")


def test_an_image_that_cannot_be_built_is_not_ready():
    assert not diagnose(replace(FINE, image="none yet.", image_tools=False)).usable
    assert not diagnose(replace(FINE, image="none yet.", cache_free=GB)).usable


@pytest.mark.parametrize(
    ("system", "words", "step"),
    [
        ("Linux", "only with --backend host", "ss --listening"),
        ("Darwin", "AirPlay Receiver", "System Settings"),
    ],
)
def test_taken_ports(system, words, step):
    found = replace(FINE, system=system, busy_ports=frozenset({5000, 8888}))
    assert words in item(found, "5000").text
    assert step in item(found, "5000").next_step
    assert "next free one" in item(found, "8888").text


@pytest.mark.parametrize("needed", [True, False])
def test_a_folder_that_will_not_do(needed):
    place = Place("state", "it does not keep owners", "set DOCKBOOK_STATE", needed)
    report = diagnose(replace(FINE, places=(place,)))
    assert report.usable is not needed
    found = next(one for one in report.items if one.name == "state")
    assert (found.topic, found.status) == ("Room", "problem" if needed else "note")


def test_a_look_that_failed_is_told_of_beside_all_others():
    report = diagnose(replace(FINE, unseen={"docker": "[Errno 13] Permission denied"}))
    found = report.items[-1]
    assert (found.topic, found.name, found.status) == ("Not checked", "docker", "problem")
    assert "Permission denied" in found.text
    assert report.usable


def test_one_look_that_fails_takes_nothing_from_the_others(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKBOOK_CACHE", str(tmp_path / "cache"))

    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/some/where")

    for name in ("_docker_group", "_memory", "_image", "_os_release", "gather_vm", "gather_places"):
        monkeypatch.setattr(facts, name, fail)
    found = facts.gather()
    assert found.unseen.keys() == {"groups", "memory", "image", "system", "vm", "folders"}
    assert "Permission denied: '/some/where'" in found.unseen["vm"]


def test_the_doctor_says_what_it_has_tried():
    assert "(tried: they work)" in item(replace(FINE, probed=True), "sandbox").text
    assert "a container's port answers" in item(replace(FINE, probed=True, started=True), "sandbox").text


def test_unknown_memory_is_left_out():
    names = [item.name for item in diagnose(replace(FINE, memory_total=None)).items]
    assert "memory" not in names


def every_report():
    cases: list[Any] = [*NO_SANDBOX, *NO_DOCKER]
    return [diagnose(replace(FINE, **wrong)) for wrong, *_ in cases]


def test_every_problem_has_a_next_step_and_none_opens_a_door():
    for report in every_report():
        for found in report.items:
            assert found.status != "problem" or found.next_step
            assert "chmod" not in found.next_step
            assert "sudo dockbook" not in found.next_step
            assert "sudo docker" not in found.next_step


def test_json_and_screen_say_the_same():
    for report in every_report():
        data = json.loads(json.dumps(report.as_dict()))
        screen = report.as_text()
        assert data["usable"] is report.usable
        assert data["problems"] == screen.count("\n  !! ") + screen.startswith("  !! ")
        assert all(entry["text"] in screen for entry in data["items"])
        assert len(screen.splitlines()) <= 40


def test_examine_looks_at_this_machine_and_comes_to_an_end(monkeypatch, tmp_path):
    import time

    monkeypatch.setenv("DOCKBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    began = time.monotonic()
    report = doctor.examine()
    assert time.monotonic() - began < 60
    assert {entry.topic for entry in report.items} >= {"Engines", "Docker", "Engine image", "Room", "Ports"}
    assert "unset DOCKER_HOST" in report.as_text()
    assert "Not checked" not in report.as_text()
