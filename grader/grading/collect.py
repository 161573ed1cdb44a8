"""What ``nbgrader zip_collect`` asks for each file that it unpacked: whose it is, and which file of the
chapter.

``course/nbgrader_config.py`` names ``Collector``. It knows the zips that ``dockbook submit`` writes;
everything else goes by ``c.FileNameCollectorPlugin.named_regexp``, as in stock nbgrader.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin

# NAME_TIME.zip is unpacked to NAME_TIME/STUDENT/CHAPTER/FILE; a platform may have put words around the name,
# and zips into a zip.
_STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")
_TIME = re.compile(r"_(\d{8}T\d{6}Z)(?!\d)")


class Collector(FileNameCollectorPlugin):
    """Collects submissions of ``dockbook submit``, all their files, and others by the configured
    expression."""

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """The student, the file and the time, if it has one; None to leave the file out."""
        info = self._read(submitted_file)
        # With an expression for a platform's names, a zip is ours by its name alone.
        if info is None or (self.named_regexp and "timestamp" not in info):
            if self.named_regexp:
                found: dict[str, str] | None = super().collect(submitted_file)
                return found
            self._say_unknown(submitted_file)
            return None
        by_name = (self._match(submitted_file) if self.named_regexp else None) or {}
        # What the platform's file name says is the platform's word; what is in the zip is the student's.
        told = {key: by_name[key] for key in ("student_id", "timestamp") if by_name.get(key)}
        student = told.get("student_id", info["student_id"])
        if student != info["student_id"]:
            self.log.warning(
                "%s: collected for %s, though the zip says %s", submitted_file, student, info["student_id"]
            )
        return info | told

    def _read(self, submitted_file: str) -> dict[str, str] | None:
        """What the place of a file says, if `dockbook submit` gave it that place."""
        app = self.parent
        chapter = app.coursedir.assignment_id
        unpacked = os.path.join(app.coursedir.root, app.collect_directory_structure).format(  # noqa: PTH118
            downloaded=app.downloaded_directory, assignment_id=chapter, collect_step=app.extracted_directory
        )
        path = Path(submitted_file)
        parts = path.relative_to(unpacked).parts if path.is_relative_to(unpacked) else ()
        for at in range(1, len(parts) - 1):
            if parts[at] == chapter and _STUDENT.match(parts[at - 1]):
                info = {"student_id": parts[at - 1], "file_id": "/".join(parts[at + 1 :])}
                sent = _TIME.search(parts[at - 2]) if at > 1 else None
                return info | ({"timestamp": sent[1]} if sent else {})
        return None

    def _say_unknown(self, submitted_file: str) -> None:
        self.log.warning(
            "%s is of no zip that `dockbook submit` made for this chapter; files with other names need "
            "c.FileNameCollectorPlugin.named_regexp",
            submitted_file,
        )
