"""./dockbook and the system's packages."""

from __future__ import annotations

import socket
import tempfile

import pytest


class TestPackages:
    """System packages: only what is missing, installed only where root or sudo allows."""

    @pytest.fixture(autouse=True)
    def machine(self, script):
        script.tool("apt-get", '#!/bin/sh\necho "apt-get $*" >>"$FAKE_LOG"\nexit "${FAKE_APT:-0}"\n')
        script.tool(
            "sudo", '#!/bin/sh\n[ "$1" = -n ] || exit 9\n[ "${FAKE_SUDO:-0}" = 0 ] || exit 1\nshift\n"$@"\n'
        )
        script.tool("id", '#!/bin/sh\necho "${FAKE_UID:-1000}"\n')
        script.tool("true", "#!/bin/sh\n")
        for name in ("newuidmap", "chromium"):
            (script.bin / name).unlink()
        text = (script.clone / "dockbook").read_text()
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (script.clone / "dockbook").write_text(text.replace(keyring, str(script.clone)))
        os_release = script.folder / "os-release"
        os_release.write_text("ID=debian\n")
        text = (script.clone / "dockbook").read_text()
        (script.clone / "dockbook").write_text(text.replace("/etc/os-release", str(os_release)))

    def calls(self, script):
        return [line for line in script.log.read_text().splitlines() if line.startswith("apt-get")]

    def test_without_sudo_the_exact_line_is_printed(self, script):
        code, out, err = script.run("test", FAKE_SUDO="1")
        assert (code, out) == (3, "")
        assert "Next: sudo apt-get install --no-install-recommends uidmap chromium" in err
        assert self.calls(script) == []

    @pytest.mark.parametrize("uid", ["0", "1000"])
    def test_root_and_sudo_install_what_is_missing(self, script, uid):
        assert script.run("lab", FAKE_UID=uid)[0] == 0
        assert self.calls(script) == ["apt-get -q install -y --no-install-recommends uidmap"]

    def test_a_virtual_machine_needs_qemu(self, script):
        (script.bin / "qemu-system-x86_64").unlink()
        (script.bin / "qemu-img").unlink()
        assert script.run("lab", "--backend", "vm")[0] == 0
        wanted = "uidmap qemu-system-x86 qemu-utils"
        assert self.calls(script) == [f"apt-get -q install -y --no-install-recommends {wanted}"]

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
    def test_where_nothing_else_works_it_is_a_virtual_machine(self, script, arguments, works, docker, qemu):
        text = (script.clone / "dockbook").read_text()
        for place in ("/var/run/docker.sock", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"):
            text = text.replace(place, str(script.folder / "nothing"))
        (script.clone / "dockbook").write_text(text)
        for tool in ("qemu-system-x86_64", "qemu-img"):
            (script.bin / tool).unlink()
        script.tool("unshare", f"#!/bin/sh\nexit {0 if works else 1}\n")
        if docker:
            script.tool("docker", "#!/bin/sh\n")
        assert script.run(*arguments)[0] == 0
        assert ("qemu-system-x86" in self.calls(script)[0]) is qemu

    @pytest.mark.parametrize(("uid", "pretends"), [("0", False), ("1000", True)])
    def test_who_is_neither_root_nor_may_make_namespaces_pretends(self, script, uid, pretends):
        text = (script.clone / "dockbook").read_text()
        for place in ("/var/run/docker.sock", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"):
            text = text.replace(place, str(script.folder / "nothing"))
        (script.clone / "dockbook").write_text(text)
        script.tool("unshare", "#!/bin/sh\nexit 1\n")
        assert script.run("lab", FAKE_UID=uid)[0] == 0
        (call,) = self.calls(script)
        assert call.endswith("recommends fakechroot fakeroot" if pretends else "recommends uidmap")

    def test_where_a_docker_carries_the_engine_nothing_is_built_here(self, script):
        # The path of a socket has at most 108 bytes.
        with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{folder}/docker.sock")
            text = (script.clone / "dockbook").read_text()
            text = text.replace("/var/run/docker.sock", f"{folder}/docker.sock")
            text = text.replace("/proc/sys/kernel/apparmor_restrict", f"{folder}/nothing")
            (script.clone / "dockbook").write_text(text)
            script.tool("unshare", "#!/bin/sh\nexit 1\n")
            assert script.run("lab", FAKE_SUDO="1")[0] == 0
            code, _, err = script.run("lab", "--backend", "sandbox", FAKE_SUDO="1")
            assert code == 3 and "these system packages are missing" in err

    def test_stale_lists_are_renewed_once(self, script):
        code, _, err = script.run("lab", FAKE_APT="100")
        assert code == 3
        assert "could not install: uidmap" in err
        assert [line.split()[2] for line in self.calls(script)] == ["install", "update"]

    @pytest.mark.parametrize(
        "arguments", [("doctor",), ("lab", "--help"), ("lab", "--backend", "host"), ("engine", "status"), ()]
    )
    def test_what_needs_no_engine_needs_no_packages(self, script, arguments):
        assert script.run(*arguments, FAKE_SUDO="1")[0] == 0

    def test_a_python_without_ensurepip_gets_its_venv_package(self, script):
        _, _, err = script.run("doctor", FAKE_SUDO="1", FAKE_ENSUREPIP="1")
        assert "Next: sudo apt-get install --no-install-recommends python3.12-venv" in err

    def test_ubuntu_gets_no_chromium_package(self, script):
        (script.folder / "os-release").write_text("ID=ubuntu\n")
        assert script.run("test")[0] == 0
        assert "chromium" not in self.calls(script)[0]

    def test_elsewhere_nothing_is_installed(self, script):
        (script.bin / "apt-get").unlink()
        assert script.run("lab", FAKE_SUDO="1")[0] == 0
