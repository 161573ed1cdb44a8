"""What a kernel leaves behind for the next one: no way to the sandbox's root, no folder that stays."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from grader.engine.base import Engine
from grader.engine.sandbox import Sandbox
from grader.errors import KernelError
from tests.engine.kernels import Notebook

RUNTIME = "/usr/local/bin/dockbook-runtime"
"""Root of the sandbox runs it for each container."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "submission"
    (folder / "sub").mkdir(parents=True)
    (folder / "bait").write_text("#!/bin/sh\necho mine\n")
    (folder / "sub/bait").write_text("#!/bin/sh\necho mine\n")
    folder.chmod(0o700)
    return folder


@pytest.mark.parametrize(
    "plant",
    [
        f"import os; os.unlink('bait'); os.symlink('{RUNTIME}', 'bait')",
        "import os, shutil; shutil.rmtree('sub'); os.symlink('/usr/local/bin', 'sub')",
        "import os; os.chdir('..'); os.rename('work', 'old'); os.symlink('/usr/local/bin', 'work')",
    ],
)
def test_the_copy_for_a_second_kernel_follows_no_link_of_the_first(
    engine: Engine, files: Path, plant: str
) -> None:
    before = engine.probe("", ["sha256sum", RUNTIME])[1]
    listing = engine.probe("", ["ls", "-la", "/usr/local/bin"])[1]
    with Notebook(engine.start_kernel(files)) as notebook:
        assert notebook.run("import os; os.path.exists('bait')") == "True\n"
        assert notebook.run(plant) == ""
    # To refuse is as good as to copy elsewhere; what counts follows.
    with contextlib.suppress(KernelError):
        engine.start_kernel(files).kill()
    assert engine.probe("", ["sha256sum", RUNTIME])[1] == before
    assert engine.probe("", ["ls", "-la", "/usr/local/bin"])[1] == listing


@pytest.mark.parametrize(
    ("plant", "starts"),
    [
        ("import os; os.unlink('bait'); os.mkfifo('bait')", True),
        ("import os; os.chmod('/home/student/work', 0)", False),
    ],
)
def test_a_kernel_that_cannot_be_replaced_is_the_kernels_fault(
    engine: Engine, files: Path, plant: str, starts: bool
) -> None:
    """Not the engine's: that would make the submission blocked instead of failed."""
    with Notebook(engine.start_kernel(files)) as notebook:
        assert notebook.run(plant) == ""
    if starts:
        engine.start_kernel(files).kill()
    else:
        with pytest.raises(KernelError, match="work takes no files"):
            engine.start_kernel(files)
    assert engine.client().ping()


def test_nothing_of_a_students_lands_beside_the_kernels_sockets(engine: Engine) -> None:
    """That folder is on this machine's disk, whose space nobody counts."""
    with Notebook(engine.start_kernel()) as notebook:
        for folder in ("/run/dockbook/kernel", "os.path.dirname(get_connection_file())"):
            place = folder if folder.startswith("os.") else repr(folder)
            told = notebook.run(
                f"import os\nfrom ipykernel.connect import get_connection_file\nopen({place} + '/x', 'w')"
            )
            assert told.startswith("PermissionError"), told
            told = notebook.run(f"for name in os.listdir({place}): os.unlink({place} + '/' + name)")
            assert told.startswith("PermissionError"), told
        assert notebook.run("print(6 * 7)") == "42\n"


def test_folders_that_are_closed_to_the_owner_go_too(engine: Engine) -> None:
    assert isinstance(engine, Sandbox)
    runtime = engine.runtime
    closed = "/run/dockbook/kernel/closed"
    assert engine.probe("", ["sh", "-c", f"mkdir -p {closed}/deep && chmod 0 {closed}"])[0] == 0
    assert (runtime / "share/closed").exists()
    engine.close()
    assert not runtime.exists()
