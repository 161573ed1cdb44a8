"""A control group of a sandbox's own: what is asked of systemd, what is written, what is handed over.

The real thing is tried on machines with systemd: tests/machines.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from grader.engine.inside import cgroup_tree, kernel_quotas
from grader.engine.system import cgroups, ids
from grader.engine.system.cgroups import NoGroup

MB = 1 << 20
IDS: ids.Ids = {"uid": (100000, 65536), "gid": (100000, 65536), "helpers": True}
HYBRID = """\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""
UNIFIED = "30 23 0:27 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
WITHIN = "30 23 0:27 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"


def system(monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    """A system whose files say this: mountinfo, of (a process's group), controllers."""
    contents = {
        "/proc/self/mountinfo": files["mountinfo"],
        "/proc/self/cgroup": f"4:memory:/\n0::{files['of']}\n",
        "/sys/fs/cgroup/cgroup.controllers": files["controllers"],
        "/sys/fs/cgroup/unified/cgroup.controllers": files["controllers"],
    }
    monkeypatch.setattr(cgroups, "read", contents.__getitem__)


@pytest.mark.parametrize(
    ("mountinfo", "of", "expected"),
    [
        (UNIFIED, "/user.slice/x.scope", "/sys/fs/cgroup/user.slice/x.scope"),
        (UNIFIED, "/", "/sys/fs/cgroup"),
        (WITHIN, "/docker/abc/init", "/sys/fs/cgroup/init"),
    ],
)
def test_a_process_is_found_in_the_tree(
    monkeypatch: pytest.MonkeyPatch, mountinfo: str, of: str, expected: str
) -> None:
    system(monkeypatch, mountinfo=mountinfo, of=of, controllers="cpu memory pids")
    assert cgroups.place("self") == expected


@pytest.mark.parametrize("controllers", ["", "hugetlb"])
def test_version_1_has_nothing_to_pass_on(monkeypatch: pytest.MonkeyPatch, controllers: str) -> None:
    system(monkeypatch, mountinfo=HYBRID, of="/", controllers=controllers)
    with pytest.raises(NoGroup, match="no control groups of version 2"):
        cgroups.place("self")


# -- what is written


class Tree:
    """A folder in the place of a scope; what is written and handed over, in its order."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, passed: str) -> None:
        self.scope = folder / "app.slice" / "dockbook-1a2b.scope"
        self.scope.mkdir(parents=True)
        self.orders: list[tuple[str, str]] = []
        (self.scope / "cgroup.subtree_control").write_text(passed)
        monkeypatch.setattr(cgroups, "_outer", lambda *_: (str(self.scope), "systemd"))
        monkeypatch.setattr(cgroups, "write", lambda path, text: self.orders.append((self.name(path), text)))
        monkeypatch.setattr(ids, "give", lambda _, folder, names: self.given(folder, names))

    def name(self, path: str) -> str:
        return os.path.relpath(path, self.scope)

    def given(self, folder: str, names: tuple[str, ...]) -> None:
        self.orders += [(f"{self.name(folder)}/{name}", "given") for name in names]

    def wrote(self, name: str) -> list[str]:
        return [text for path, text in self.orders if path == name]


def test_limits_are_written_where_the_sandbox_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path, monkeypatch, "cpu memory pids")
    monkeypatch.setattr(os.path, "exists", lambda path: path.endswith("memory.swap.max"))
    group = cgroups.make("1a2b", 77, IDS, {"memory": 900 * MB, "processes": 300})
    assert group == (f"{tree.scope}/sandbox", ("memory", "pids", "cpu"), "systemd")
    assert tree.wrote("sandbox/memory.max") == [str(900 * MB)]
    assert tree.wrote("sandbox/memory.swap.max") == ["0"]
    assert tree.wrote("sandbox/pids.max") == ["300"]
    assert tree.wrote("sandbox/cgroup.max.descendants") == [str(cgroups.MOST_GROUPS)]
    given = {path for path, text in tree.orders if text == "given"}
    assert given == {f"sandbox/{name}" for name in (".", *cgroups.DELEGATED)}
    # Nobody is left in the scope when it passes controllers on, or is moved once the wall is handed over.
    names = [path for path, _ in tree.orders]
    assert names[0] == "sandbox/cgroup.procs"
    assert tree.wrote("sandbox/cgroup.procs") == ["77", "given"]
    assert names.index("cgroup.subtree_control") > 0
    assert all(text == "given" for _, text in tree.orders[-len(given) :])


def test_without_limits_only_the_count_of_groups_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Tree(tmp_path, monkeypatch, "memory pids")
    assert cgroups.make("1a2b", 77, IDS, {"memory": 0}).controllers == ("memory", "pids")
    assert not [path for path, _ in tree.orders if path.endswith(("memory.max", "pids.max"))]


@pytest.mark.parametrize("passed", ["", "pids", "cpu memory"])
def test_a_wall_without_memory_or_processes_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passed: str
) -> None:
    Tree(tmp_path, monkeypatch, passed)
    with pytest.raises(NoGroup, match="systemd passes on no more than"):
        cgroups.make("1a2b", 77, IDS, {})


def test_what_linux_refuses_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Tree(tmp_path, monkeypatch, "memory pids")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ids, "give", refuse)
    with pytest.raises(NoGroup, match="Permission denied"):
        cgroups.make("1a2b", 77, IDS, {})


# -- what systemd is asked for


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``busctl`` that notes its words; the process is then where systemd would have put it."""
    program, words = tmp_path / "busctl", tmp_path / "words"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{words}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(cgroups, "place", lambda _: "/the/scope")
    monkeypatch.setattr(cgroups, "of", lambda _: "/x/dockbook-1a2b.scope" if words.exists() else "/x")
    return words


def value(words: list[str], kind: str) -> object:
    """One value of D-Bus as busctl(1) writes it, taken from the front of the words."""
    if kind == "v":
        return value(words, words.pop(0))
    if kind.startswith("a"):
        return [value(words, kind[1:]) for _ in range(int(words.pop(0)))]
    if kind.startswith("("):
        return [value(words, part) for part in ("s", kind[2:-1])]
    word = words.pop(0)
    return {"b": word == "true"}.get(kind, word if kind == "s" else int(word) if kind != "b" else None)


def test_systemd_is_asked_for_a_delegated_scope_around_this_process_alone(asked: Path) -> None:
    assert cgroups._scope("dockbook-1a2b.scope", 4711) == "/the/scope"
    words = asked.read_text().splitlines()
    at = words.index("StartTransientUnit")
    assert words[0] == ("--system" if os.geteuid() == 0 else "--user")
    assert words[2:at] == [
        *("call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1"),
        "org.freedesktop.systemd1.Manager",
    ]
    signature, *rest = words[at + 1 :]
    assert signature == "ssa(sv)a(sa(sv))"
    assert [rest.pop(0), rest.pop(0)] == ["dockbook-1a2b.scope", "fail"]
    pairs: Any = value(rest, "a(sv)")
    properties = dict(pairs)
    assert properties["Delegate"] is True
    assert properties["PIDs"] == [4711]
    assert properties["CollectMode"] == "inactive-or-failed"
    assert rest == ["0"]


def test_the_words_of_a_refusal_are_the_reason(tmp_path: Path, asked: Path) -> None:
    (tmp_path / "busctl").write_text("#!/bin/sh\necho 'Call failed: Access denied' >&2\nexit 1\n")
    with pytest.raises(NoGroup, match=r"does not answer \(Call failed: Access denied\)"):
        cgroups._scope("dockbook-1a2b.scope", 4711)


def test_without_busctl_the_reason_says_so(
    tmp_path: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(NoGroup, match="busctl is not installed"):
        cgroups._scope("dockbook-1a2b.scope", 4711)


def test_an_order_that_is_not_carried_out_is_not_waited_for(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "of", lambda _: "/x")
    monkeypatch.setattr(cgroups, "MOVE_S", 0)
    with pytest.raises(NoGroup, match="did not move the process"):
        cgroups._scope("dockbook-1a2b.scope", 4711)


# -- what was left


def test_only_walls_that_nobody_is_behind_are_left(tmp_path: Path) -> None:
    for name, populated, wall in (
        ("dockbook-1.scope", 0, True),
        ("dockbook-2.scope", 1, True),
        ("dockbook-3.scope", 0, False),  # systemd is just making it
        ("firefox.scope", 0, True),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.events").write_text(f"populated {populated}\nfrozen 0\n")
        if wall:
            (tmp_path / name / "sandbox").mkdir()
    assert list(cgroups.left(str(tmp_path))) == [f"{tmp_path}/dockbook-1.scope/sandbox"]


# -- inside


def settings(score: int) -> dict[str, Any]:
    words = ["sh", "-c", 'echo "cpu":{} "oomScoreAdj":1']
    return {
        "process": {"args": words, "oomScoreAdj": score},
        "linux": {
            "resources": {"memory": {"limit": 7}, "cpu": {}, "pids": {"limit": 9}, "blockIO": {}},
            "cgroupsPath": "/student/x",
        },
    }


@pytest.mark.parametrize(("score", "expected"), [(0, 500), (-900, 500), (499, 500), (500, 500), (1000, 1000)])
@pytest.mark.parametrize(
    "passed", [("memory", "pids"), ("cpu", "memory", "pids"), ("cpu", "io", "memory", "pids")]
)
def test_a_container_gets_settings_that_can_be_had(
    tmp_path: Path, score: int, expected: int, passed: tuple[str, ...]
) -> None:
    runtime, script, file = tmp_path / "runtime", tmp_path / "wrapper", tmp_path / "config.json"
    runtime.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    script.write_text(cgroup_tree.wrapper(passed).replace(kernel_quotas.RUNTIME, str(runtime)))
    for program in (runtime, script):
        program.chmod(0o755)
    before = settings(score)
    file.write_text(json.dumps(before, separators=(",", ":")))
    argv = [str(script), "--root", "/r", "create", "--bundle", str(tmp_path), "--pid-file", "/p", "container"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == argv[1:]
    after = json.loads(file.read_text())
    assert after["process"] == {"args": before["process"]["args"], "oomScoreAdj": expected}
    kept = {cgroup_tree.SETTINGS[name] for name in passed}
    resources = before["linux"]["resources"]
    assert after["linux"]["resources"] == {name: resources[name] for name in resources if name in kept}
    assert after["linux"]["cgroupsPath"] == "/student/x"


def test_other_orders_pass_the_wrapper_unchanged(tmp_path: Path) -> None:
    runtime, script = tmp_path / "runtime", tmp_path / "wrapper"
    runtime.write_text('#!/bin/sh\nprintf "%s\\n" "$@"; exit 3\n')
    script.write_text(cgroup_tree.wrapper(["memory"]).replace(kernel_quotas.RUNTIME, str(runtime)))
    for program in (runtime, script):
        program.chmod(0o755)
    argv = [str(script), "--root", "/r", "kill", "--all", "container", "9"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (3, argv[1:])


def test_memory_is_what_cannot_be_had_back(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text(f"{100 * MB}\n")
    (tmp_path / "memory.stat").write_text(
        f"anon {50 * MB}\nfile {40 * MB}\nshmem {10 * MB}\nslab_reclaimable {5 * MB}\n"
    )
    assert cgroup_tree.memory(str(tmp_path)) == 65 * MB
