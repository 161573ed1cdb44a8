"""The login user of a machine, and what such a person does: clone, install, open a lab, use it, end it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from grader.engine.image.engine_image import EngineImage
from tests.machines import image_archive
from tests.machines.machine import Finished, Machine
from tests.machines.recipe import LOGIN
from tests.machines.terminal import Terminal

ROOT = Path(__file__).parents[2]
HOME = f"/home/{LOGIN}"
CACHE = f"{HOME}/.cache/dockbook/engine"
IMAGE_DISK = "/dev/vdc"
SET_UP_S, LAB_S, END_S = 3600, 900, 180
"""Seconds, emulated: the environment is made by pip; a lab's engine and JupyterLab start; they end."""


class Person:
    """``ann`` at her machine. ``terminal`` is where she types; ``took`` says what each step needed.

    ``brought``: the machine has a disk with the engine image.
    """

    def __init__(self, machine: Machine, folder: Path, *, brought: bool) -> None:
        self.machine = machine
        self.took: dict[str, float] = {}
        self._folder = folder
        self._brought = brought
        self._address = ""
        self._installed = False
        self._open_terminal()

    def _open_terminal(self) -> None:
        self.terminal = Terminal(self.machine, log=self._folder / f"{self.machine.recipe.name}.log")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what takes a while."""
        began = time.monotonic()
        yield
        self.took[name] = time.monotonic() - began

    def clone(self) -> None:
        """The README's first line, from a file in the place of a server, and its ``cd``."""
        bundle = self._folder / "repository.bundle"
        subprocess.run(["git", "bundle", "create", "--quiet", str(bundle), "HEAD"], cwd=ROOT, check=True)
        assert self.machine.send(bundle, "cat > repository.bundle").code == 0
        said = self.terminal.enter("git clone --quiet repository.bundle dockbook && cd dockbook", seconds=300)
        assert self.terminal.code() == 0, said

    def first_lab(self) -> tuple[str, str]:
        """``./dockbook lab``, root's ``apt-get`` as it is printed there, ``./dockbook lab`` again.

        What was shown the first time, and the second until the lab's address.
        """
        missing = self.terminal.enter("./dockbook lab")
        assert self.terminal.code() == 3, missing
        found = re.search(r"these system packages are missing: .*Next: sudo (apt-get install .*)", missing)
        assert found, missing
        with self.step("root installs what it names"):
            self.as_root("apt-get update", f"{found[1].strip()} --yes")
        if self._brought:
            with self.step("unpacking the engine image"):
                self.bring_image()
        with self.step("the second ./dockbook lab: environment, engine, JupyterLab"):
            said = self.start_lab(seconds=SET_UP_S)
        self._installed = True
        return missing, said

    def as_root(self, *lines: str) -> None:
        """What the machine's owner types. Each line must end well."""
        with closing(Terminal(self.machine, "root")) as root:
            for line in lines:
                said = root.enter(line, seconds=1200)
                assert root.code() == 0, said

    def bring_image(self) -> None:
        """The engine image from the disk that the machine came with."""
        self.as_root(f"chmod a+r {IMAGE_DISK}")
        folder = self.run(f"mkdir -p {CACHE} && chmod 700 .cache .cache/dockbook")
        assert folder.code == 0, folder.text
        command = f"{image_archive.UNPACK} --directory {CACHE} --file {IMAGE_DISK}"
        unpacked = self.run(command, seconds=SET_UP_S)
        assert unpacked.code == 0, unpacked.text

    @property
    def address(self) -> str:
        """The address of her lab, which is installed or started now if need be."""
        if not self._installed:
            self.first_lab()
        elif not self._address:
            self.start_lab()
        return self._address

    def start_lab(self, *, seconds: float = LAB_S) -> str:
        """``./dockbook lab``; what is shown until its address is."""
        self.terminal.begin("./dockbook lab")
        said = self.terminal.until(r"JupyterLab: http\S+", seconds=seconds)
        self._address = said.rsplit(" ", 1)[1]
        return said

    def end_lab(self) -> str:
        """Ctrl-C in the lab's terminal; what was shown until the prompt came."""
        said = self.terminal.interrupt(seconds=END_S)
        self._address = ""
        return said

    def reboot(self) -> float:
        """The machine restarts, whatever runs there; a new login. The seconds that took."""
        seconds = self.machine.reboot()
        self.terminal.close()
        self._address = ""
        self._open_terminal()
        self.terminal.enter("cd dockbook")
        return seconds

    def run(self, command: str, *, seconds: float = 300) -> Finished:
        """A command in another login of hers."""
        return self.machine.run(command, timeout_s=seconds)

    def in_terminal(self, command: str, *, seconds: float = 300) -> Finished:
        """A command in the clone, with ``docker`` for the running engine, as the lab's own line says."""
        return self.run(f'cd dockbook && eval "$(./dockbook engine env)" && {command}', seconds=seconds)

    def docker(self, words: str, *, seconds: float = 300) -> str:
        """What ``docker`` prints in such a terminal. It must end well."""
        done = self.in_terminal(f"docker {words}", seconds=seconds)
        assert done.code == 0, done.text
        return done.text.strip()

    def close(self) -> None:
        """Hang up."""
        self.terminal.close()


def archive(image: EngineImage, folder: Path) -> Path:
    """The disk with the engine image, for ``bring_image``."""
    target = folder / "image.tar"
    image_archive.write(image, target)
    return target
