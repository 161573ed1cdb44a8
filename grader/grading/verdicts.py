"""Verdicts on disk, keyed by everything they depend on: ``course/.dockbook/verdicts/CHAPTER/``.

A verdict is two files, the result (JSON) and the executed notebook. Both are the grader's own; a student's
side never gets to write here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

import grader
from grader.course import Chapter, Course
from grader.engine.base import GRADING_BACKENDS
from grader.engine.image.recipe import SUITES, key
from grader.engine.system.package import PACKAGE, STUDENT, code
from grader.files import PARTIAL, write_whole
from grader.grading.judge.files import digest_of_source
from grader.grading.judge.results import RESULT_VERSION, SubmissionResult
from grader.grading.judge.submission import Submission
from grader.grading.lock import folder_of

_ENGINE = (
    *("base", "choose", "control", "private", "grading_engine", "student_kernel", *GRADING_BACKENDS),
    *("system", "inside", "keeper", "image"),
)
_PARTS = (*STUDENT, "course.py", "handouts.py", "syntax.py", "test_cell.py", "grading/judge")
"""What can change a verdict: what runs in the graded kernel, what judges, and the engine that both ask.

Of ``engine``: the backends that grade, and the folders of their processes. Not the doctor, nor how images and
machines are built: the results of those have keys of their own.
"""
_handed: ContextVar[dict[str, SubmissionResult] | None] = ContextVar("handed", default=None)


class Verdicts:
    """The verdicts of one chapter. ``folder`` is made when the first one is kept."""

    def __init__(self, course: Course, chapter: Chapter) -> None:
        self.chapter = chapter
        self._chapter_digest = digest_of_source(chapter)
        self.folder = folder_of(course) / "verdicts" / chapter.id

    def key(self, submission: Submission) -> str:
        """Hash of the submission, the chapter's source and limits, and the grader."""
        return self.key_of(submission.student, submission.digest)

    def key_of(self, student: str, submission_digest: str) -> str:
        """The same from a submission's digest (``Submission.digest``)."""
        parts = (
            student,
            submission_digest,
            self._chapter_digest,
            repr(self.chapter.limits),
            grader_version(),
        )
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

    def load(self, submission: Submission) -> SubmissionResult | None:
        """The verdict on exactly this work by exactly this grader, if it is there, whole, and not blocked."""
        key = self.key(submission)
        handed = (_handed.get() or {}).get(key)
        if handed is not None:
            return handed
        found = self.read(key)
        if found is None or found.student != submission.student or found.blocked:
            return None
        return found

    def read(self, key: str) -> SubmissionResult | None:
        """The verdict under a key of this chapter, of an earlier state of it too; None if it is not whole."""
        result, notebook = self._paths(key)
        try:
            data = json.loads(result.read_text(encoding="utf-8"))
            executed = json.loads(notebook.read_text(encoding="utf-8"))
            found = SubmissionResult.from_dict(data["result"], executed, float(data["seconds"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        expected = [task.id for task in self.chapter.tasks]
        return found if [task.task for task in found.tasks] == expected else None

    def save(self, submission: Submission, result: SubmissionResult) -> None:
        """Keep a verdict. One that blocks is there for reports alone: ``load`` passes it over."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path, notebook = self._paths(self.key(submission))
        data = {"result": result.as_dict(), "seconds": round(result.seconds, 3)}
        # The result last: it is what makes the pair complete.
        _write(notebook, json.dumps(result.notebook, indent=1, ensure_ascii=False))
        _write(path, json.dumps(data, indent=1, ensure_ascii=False))

    def sweep(self) -> None:
        """Remove what a killed process was writing. Only for the holder of the course's lock."""
        for path in self.folder.glob(f"{PARTIAL}*"):
            path.unlink(missing_ok=True)

    def prune(self, keep: Collection[str]) -> None:
        """Remove all verdicts except each student's last one: the work, the tests or the grader have
        changed."""
        for path in self.folder.glob("*.json"):
            if path.stem not in keep:
                path.unlink(missing_ok=True)
                path.with_suffix(".ipynb").unlink(missing_ok=True)

    @contextlib.contextmanager
    def handed(self, submission: Submission, result: SubmissionResult) -> Iterator[None]:
        """While this lasts, ``load`` gives ``result``: also one that blocks, which it otherwise ignores."""
        token = _handed.set({self.key(submission): result})
        try:
            yield
        finally:
            _handed.reset(token)

    def _paths(self, key: str) -> tuple[Path, Path]:
        return self.folder / f"{key}.json", self.folder / f"{key}.ipynb"


def parts_of_a_verdict(package: Path) -> list[Path]:
    """The files of ``package`` (the folder of ``grader``) that can change a verdict."""
    found: set[Path] = set()
    for part in (*_PARTS, *(f"engine/{name}" for name in _ENGINE)):
        place = package / part
        place = place if place.exists() else place.with_suffix(".py")
        found |= set(code(place)) if place.is_dir() else {place}
    return sorted(found)


def digest_of_code(package: Path) -> str:
    """A hash of the code that makes a verdict, by ``parts_of_a_verdict``."""
    total = hashlib.sha256()
    for path in parts_of_a_verdict(package):
        total.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return total.hexdigest()


@lru_cache(maxsize=1)
def grader_version() -> str:
    """The version and a hash of the code that judges, so that no verdict outlives a change of it."""
    total = hashlib.sha256(f"{grader.__version__}:{RESULT_VERSION}:{digest_of_code(PACKAGE)}".encode())
    for suite in SUITES:
        total.update(key(suite).encode())  # the images that students' containers are made from
    return total.hexdigest()


def _write(path: Path, text: str) -> None:
    write_whole(path, text.encode(errors="replace"), mode=0o600)
