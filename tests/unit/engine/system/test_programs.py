"""Programs are found where a login user's PATH does not lead."""

from __future__ import annotations

import os
import subprocess

from grader.engine.system import programs

LOGIN = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
"""What Debian's /etc/profile gives everybody but root."""


def test_a_login_users_path_gets_the_folders_of_administration_last():
    env = {"PATH": LOGIN}
    programs.extend_path(env)
    assert env["PATH"] == f"{LOGIN}:/usr/local/sbin:/usr/sbin:/sbin"
    programs.extend_path(env)
    assert env["PATH"].count("/usr/sbin") == 1


def test_no_path_at_all_still_leads_somewhere():
    env: dict[str, str] = {}
    programs.extend_path(env)
    assert env["PATH"].startswith(os.defpath)


def test_what_is_started_inherits_it(monkeypatch):
    monkeypatch.setenv("PATH", LOGIN)
    assert programs.find("chroot") is not None
    assert programs.find("no-such-program") is None
    programs.extend_path()
    assert subprocess.run(["chroot", "--version"], capture_output=True, check=True).stdout
