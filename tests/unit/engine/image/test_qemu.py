"""QEMU and KVM: what is missing is named, and a KVM that hangs is not taken for one that works."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from grader import variables
from grader.engine.image import qemu
from grader.errors import EngineUnavailable


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(variables.ACCELERATOR, raising=False)
    kept = (qemu.version, qemu.kvm_trouble)
    for function in kept:
        function.cache_clear()
    yield
    for function in kept:
        function.cache_clear()


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """A PATH with these programs before the others; with none, nothing else."""
    folder.mkdir()
    for name, text in scripts.items():
        path = folder / {"system": qemu.SYSTEM, "img": qemu.IMG}[name]
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin" if scripts else str(folder))


VERSION = 'case "$*" in *--version*) echo "QEMU emulator version 9.9.1 (Debian 1:9)"; exit 0 ;; esac'


def test_without_qemu_the_packages_are_named(tmp_path, monkeypatch):
    programs(tmp_path / "bin", monkeypatch)
    assert qemu.missing() == ["qemu-system-x86", "qemu-utils"]
    assert qemu.probe() == "qemu-system-x86 and qemu-utils is not installed"
    with pytest.raises(EngineUnavailable, match="apt-get install qemu-system-x86 qemu-utils"):
        qemu.version()


def test_its_version(tmp_path, monkeypatch):
    programs(tmp_path / "bin", monkeypatch, system=VERSION, img="")
    assert qemu.version() == "9.9.1"


def test_a_qemu_that_says_nothing(tmp_path, monkeypatch):
    programs(tmp_path / "bin", monkeypatch, system="echo broken >&2; exit 1", img="")
    with pytest.raises(EngineUnavailable, match="does not say its version: broken"):
        qemu.version()


@pytest.fixture
def device(tmp_path, monkeypatch):
    """A /dev/kvm of our own."""
    path = tmp_path / "kvm"
    path.touch()
    real = Path

    def stand_in(name, *parts):
        return path if name == "/dev/kvm" else real(name, *parts)

    monkeypatch.setattr(qemu, "Path", stand_in)
    return path


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (f"exit {qemu.TRIAL_CODE}", None),
        ("sleep 60", "did not end within"),
        ("echo could not access >&2; exit 1", "KVM does not start: could not access"),
        ("exit 0", "KVM does not start: exit code 0"),
    ],
)
def test_kvm_works_where_a_guest_has_run(tmp_path, monkeypatch, device, trial, words):
    monkeypatch.setattr(qemu, "TRIAL_S", 0.5)
    programs(tmp_path / "bin", monkeypatch, system=f"{VERSION}\n{trial}", img="")
    found = qemu.kvm_trouble()
    assert (found is None) if words is None else (words in str(found))
    assert qemu.accelerator() == ("tcg" if words else "kvm")


def test_the_trial_has_the_machines_processor(tmp_path, monkeypatch, device):
    """There is KVM that runs QEMU's own processor and ends QEMU for the host's."""
    trial = f'{VERSION}\ncase "$*" in *"-cpu host"*) exit {qemu.TRIAL_CODE} ;; esac; exit 1'
    programs(tmp_path / "bin", monkeypatch, system=trial, img="")
    assert qemu.kvm_trouble() is None
    assert "-cpu host" in " ".join(command(accelerator="kvm"))


def test_the_trials_result_is_kept_for_this_qemu_until_a_reboot(tmp_path, monkeypatch, device):
    count = tmp_path / "count"
    trial = f"{VERSION}\necho x >> {count}; exit 1"
    programs(tmp_path / "bin", monkeypatch, system=trial, img="")
    for _ in range(2):
        assert "does not start" in str(qemu.kvm_trouble())
        qemu.kvm_trouble.cache_clear()
    assert count.read_text() == "x\n"
    kept = tmp_path / "cache" / "kvm.json"
    for change in ({"backend": "another"}, {"trial": qemu.TRIAL - 1}):
        kept.write_text(json.dumps(json.loads(kept.read_text()) | change))
        qemu.kvm_trouble()
        qemu.kvm_trouble.cache_clear()
    assert count.read_text() == "x\nx\nx\n"


def test_no_kvm_or_a_closed_one_needs_no_trial(tmp_path, monkeypatch, device):
    device.unlink()
    assert qemu.kvm_trouble() == "there is no /dev/kvm"
    qemu.kvm_trouble.cache_clear()
    device.touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    assert qemu.kvm_trouble() == "this user may not open /dev/kvm"


def test_asked_for_it_is_not_tried(monkeypatch):
    monkeypatch.setattr(qemu, "_try_kvm", lambda: pytest.fail("tried"))
    monkeypatch.setenv(variables.ACCELERATOR, "kvm")
    assert qemu.accelerator() == "kvm"
    qemu.kvm_trouble.cache_clear()
    monkeypatch.setenv(variables.ACCELERATOR, "tcg")
    assert qemu.accelerator() == "tcg"


def test_too_little_memory_is_said(monkeypatch):
    monkeypatch.setattr(qemu, "missing", list)
    monkeypatch.setattr(qemu, "memory_available", lambda: 300 << 20)
    assert qemu.probe() == "300 MB of memory are available, 600 MB are needed"


def command(**changes: object) -> list[str]:
    here = Path("/cache")
    options: dict[str, object] = {"accelerator": "tcg", "kernel": here / "k", "initrd": here / "i"}
    options |= {"base": [here / "disk", here / "warm"], "memory": here / "m", "share": False}
    return qemu.command(**(options | changes))  # type: ignore[arg-type]


def test_a_machine_has_no_network_and_asks_for_little(monkeypatch):
    monkeypatch.setattr(qemu, "version", lambda: "7.2.22")
    words = " ".join(command())
    assert "-nodefaults" in words
    assert not any(word in words for word in ("-netdev", "-nic", "hostfwd", "tcp:"))
    assert "elevateprivileges=deny,spawn=deny" in words
    assert "backing=base0" in words
    assert "backing=base1" in words


def test_memory_is_only_read_where_qemu_can(monkeypatch):
    monkeypatch.setattr(qemu, "version", lambda: "7.2.22")
    assert "readonly" not in qemu._memory(Path("/m"), share=False)
    assert "share=off" in qemu._memory(Path(__file__), share=False)
    with monkeypatch.context() as closed:
        closed.setattr("os.access", lambda *_: False)
        with pytest.raises(EngineUnavailable, match=r"writing, as QEMU 7\.2\.22 .* Next: set DOCKBOOK_CACHE"):
            qemu._memory(Path(__file__), share=False)
    monkeypatch.setattr(qemu, "version", lambda: "10.0.2")
    assert qemu._memory(Path("/m"), share=False).endswith("share=off,readonly=on,rom=off")
    assert qemu._memory(Path("/m"), share=True).endswith("share=on")
