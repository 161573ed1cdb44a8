"""What process 1 of a sandbox does when a kernel does not end."""

from __future__ import annotations

import os
import subprocess

import pytest

from grader.engine.inside.sandbox import Inside


def test_a_kernel_that_does_not_end_in_time_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = Inside.__new__(Inside)
    forgotten: list[int] = []
    # The first process in its namespace is gone at once, and what holds the namespace is not.
    first, kernel = (subprocess.Popen(["sleep", "60"]) for _ in range(2))
    monkeypatch.setattr(inside, "kernels", {kernel.pid}, raising=False)
    monkeypatch.setattr(inside, "first_process", lambda _: first.pid)
    monkeypatch.setattr(inside, "ended", forgotten.append)
    with pytest.raises(RuntimeError, match=r"not all of its processes had ended after 0\.1 s"):
        inside.do_kill_kernel(kernel=kernel.pid, limit_s=0.1)
    assert forgotten == [kernel.pid]
    assert first.wait(10) == -9
    with pytest.raises(ProcessLookupError):
        os.kill(kernel.pid, 0)
    kernel.returncode = -9  # it was waited for
