"""./dockbook and the system's packages."""

from __future__ import annotations

import socket
import tempfile

import pytest


class TestPackages:
    """System packages: only what is missing, installed only where root or sudo allows."""

    @pytest.fixture(autouse=True)
    def machine(self, door):
        door.tool("apt-get", '#!/bin/sh\necho "apt-get $*" >>"$FAKE_LOG"\nexit "${FAKE_APT:-0}"\n')
        door.tool(
            "sudo", '#!/bin/sh\n[ "$1" = -n ] || exit 9\n[ "${FAKE_SUDO:-0}" = 0 ] || exit 1\nshift\n"$@"\n'
        )
        door.tool("id", '#!/bin/sh\necho "${FAKE_UID:-1000}"\n')
        door.tool("true", "#!/bin/sh\n")
        for name in ("newuidmap", "chromium"):
            (door.bin / name).unlink()
        script = (door.clone / "dockbook").read_text()
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (door.clone / "dockbook").write_text(script.replace(keyring, str(door.clone)))
        os_release = door.folder / "os-release"
        os_release.write_text("ID=debian\n")
        script = (door.clone / "dockbook").read_text()
        (door.clone / "dockbook").write_text(script.replace("/etc/os-release", str(os_release)))

    def calls(self, door):
        return [line for line in door.log.read_text().splitlines() if line.startswith("apt-get")]

    def test_without_sudo_the_exact_line_is_printed(self, door):
        code, out, err = door.run("test", FAKE_SUDO="1")
        assert (code, out) == (3, "")
        assert "Next: sudo apt-get install --no-install-recommends uidmap chromium" in err
        assert self.calls(door) == []

    @pytest.mark.parametrize("uid", ["0", "1000"])
    def test_root_and_sudo_install_what_is_missing(self, door, uid):
        assert door.run("lab", FAKE_UID=uid)[0] == 0
        assert self.calls(door) == ["apt-get -q install -y --no-install-recommends uidmap"]

    def test_a_virtual_machine_needs_qemu(self, door):
        (door.bin / "qemu-system-x86_64").unlink()
        (door.bin / "qemu-img").unlink()
        assert door.run("lab", "--backend", "vm")[0] == 0
        wanted = "uidmap qemu-system-x86 qemu-utils"
        assert self.calls(door) == [f"apt-get -q install -y --no-install-recommends {wanted}"]

    @pytest.mark.parametrize(
        ("arguments", "works", "docker", "qemu"),
        [
            (("lab",), False, False, True),
            (("engine", "run", "--", "true"), False, False, True),
            (("lab",), True, False, False),
            (("lab",), False, True, False),
            (("lab", "--backend", "sandbox"), False, False, False),
            (("grade", "ch01"), False, False, False),
        ],
    )
    def test_where_nothing_else_works_it_is_a_virtual_machine(self, door, arguments, works, docker, qemu):
        script = (door.clone / "dockbook").read_text()
        for place in ("/var/run/docker.sock", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"):
            script = script.replace(place, str(door.folder / "nothing"))
        (door.clone / "dockbook").write_text(script)
        for tool in ("qemu-system-x86_64", "qemu-img"):
            (door.bin / tool).unlink()
        door.tool("unshare", f"#!/bin/sh\nexit {0 if works else 1}\n")
        if docker:
            door.tool("docker", "#!/bin/sh\n")
        assert door.run(*arguments)[0] == 0
        assert ("qemu-system-x86" in self.calls(door)[0]) is qemu

    @pytest.mark.parametrize(("uid", "pretends"), [("0", False), ("1000", True)])
    def test_who_is_neither_root_nor_may_make_namespaces_pretends(self, door, uid, pretends):
        script = (door.clone / "dockbook").read_text()
        for place in ("/var/run/docker.sock", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"):
            script = script.replace(place, str(door.folder / "nothing"))
        (door.clone / "dockbook").write_text(script)
        door.tool("unshare", "#!/bin/sh\nexit 1\n")
        assert door.run("lab", FAKE_UID=uid)[0] == 0
        (call,) = self.calls(door)
        assert call.endswith("recommends fakechroot fakeroot" if pretends else "recommends uidmap")

    def test_where_a_docker_carries_the_engine_nothing_is_built_here(self, door):
        # The path of a socket has at most 108 bytes.
        with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{folder}/docker.sock")
            script = (door.clone / "dockbook").read_text()
            script = script.replace("/var/run/docker.sock", f"{folder}/docker.sock")
            script = script.replace("/proc/sys/kernel/apparmor_restrict", f"{folder}/nothing")
            (door.clone / "dockbook").write_text(script)
            door.tool("unshare", "#!/bin/sh\nexit 1\n")
            assert door.run("lab", FAKE_SUDO="1")[0] == 0
            code, _, err = door.run("lab", "--backend", "sandbox", FAKE_SUDO="1")
            assert code == 3 and "these system packages are missing" in err

    def test_stale_lists_are_renewed_once(self, door):
        code, _, err = door.run("lab", FAKE_APT="100")
        assert code == 3
        assert "could not install: uidmap" in err
        assert [line.split()[2] for line in self.calls(door)] == ["install", "update"]

    @pytest.mark.parametrize(
        "arguments", [("doctor",), ("lab", "--help"), ("lab", "--backend", "host"), ("engine", "status"), ()]
    )
    def test_what_needs_no_engine_needs_no_packages(self, door, arguments):
        assert door.run(*arguments, FAKE_SUDO="1")[0] == 0

    def test_a_python_without_ensurepip_gets_its_venv_package(self, door):
        _, _, err = door.run("doctor", FAKE_SUDO="1", FAKE_ENSUREPIP="1")
        assert "Next: sudo apt-get install --no-install-recommends python3.12-venv" in err

    def test_ubuntu_gets_no_chromium_package(self, door):
        (door.folder / "os-release").write_text("ID=ubuntu\n")
        assert door.run("test")[0] == 0
        assert "chromium" not in self.calls(door)[0]

    def test_elsewhere_nothing_is_installed(self, door):
        (door.bin / "apt-get").unlink()
        assert door.run("lab", FAKE_SUDO="1")[0] == 0
