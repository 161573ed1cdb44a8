"""Stock nbgrader as an instructor without Dockbook has it: its own autograde, on an engine that all share."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook

from grader.course import Chapter, Course
from grader.engine.build import docker_archive
from grader.engine.build.engine_image import ensure_image
from grader.engine.host import HostEngine
from grader.lab.jupyter import _environment
from tests.engine.dockerd import Dockerd

CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "stock"
c.IncludeHeaderFooter.header = ""
# Long enough for the slowest cell; the default is 30 s.
c.Execute.timeout = 120
"""
BATCH_S = 3600


@dataclass(frozen=True)
class Stock:
    """A course folder with plain nbgrader, and how a command reaches the shared engine."""

    folder: Path
    engine: HostEngine
    beside: Sequence[str]

    def nbgrader(self, *command: str) -> float:
        """Run one nbgrader command in the course folder; seconds. Raises AssertionError when it fails."""
        environment = _environment(self.engine, self.folder)
        environment["PATH"] = os.pathsep.join(("/usr/bin", environment["PATH"]))
        environment |= {"JUPYTER_PREFER_ENV_PATH": "1", "DOCKBOOK_WORKSPACE": str(self.folder)}
        began = time.monotonic()
        ended = subprocess.run(
            [*self.beside, sys.executable, "-m", "nbgrader", *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BATCH_S,
            check=False,
        )
        taken = time.monotonic() - began
        # It ends with 1 when a submission could not be graded, too: the scores tell which.
        assert ended.returncode in (0, 1), ended.stderr[-2000:]
        (self.folder / f"{command[0]}.log").write_text(ended.stderr)
        return taken

    def scores(self, chapter: Chapter) -> dict[str, float | None]:
        """Each student's score; None for a submission that was not graded."""
        with Gradebook(f"sqlite:///{self.folder}/gradebook.db") as book:
            graded = {one.student.id: one.score for one in book.assignment_submissions(chapter.id)}
        students = sorted(path.name for path in (self.folder / "submitted").iterdir())
        return {student: graded.get(student) for student in students}


@contextmanager
def stock(course: Course, chapter: Chapter, folder: Path) -> Iterator[Stock]:
    """A stock course in ``folder`` with one chapter of ``course``, generated, on Debian's engine of its own.

    The engine has the course's images and, for an internet, the course's hub. Takes root.
    """
    source = folder / "source" / chapter.id
    source.mkdir(parents=True)
    (source / chapter.notebook.name).write_bytes(chapter.notebook.read_bytes())
    (folder / "nbgrader_config.py").write_text(CONFIG)
    image = ensure_image()
    with (
        tempfile.TemporaryDirectory(prefix="dkb-") as place,
        Dockerd(Path(place), hub=image) as running,
        HostEngine(f"unix://{running.socket}").start() as engine,
    ):
        docker_archive.load(engine, image, docker_archive.names(), keep_hub=True)
        found = Stock(folder, engine, running.network_prefix())
        found.nbgrader("generate_assignment", chapter.id)
        yield found
