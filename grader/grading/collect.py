"""What ``nbgrader zip_collect`` asks for each file that it unpacked: the student, and which file of the
chapter it is.

``course/nbgrader_config.py`` names ``Collector``. With ``c.FileNameCollectorPlugin.named_regexp`` a student's
id is what the platform wrote: the expression sees the names that the platform gave, and nothing of what is
inside a student's archive. Without it the id is that of the zip which `dockbook submit` wrote.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from nbgrader.plugins import FileNameCollectorPlugin
from nbgrader.utils import parse_utc

from grader.course import ignored
from grader.expect.words import visible
from grader.grading.judge.received import Received, note_received

_OWN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")
# A platform's ids may have letters of any language. They become folder names: not hidden, not elsewhere.
_PLATFORMS_ID = re.compile(r"\w[^/\\:*?\"<>|\[\]\x00-\x1f\x7f]{0,63}\Z")
_TIME = re.compile(r"_(\d{8}T\d{6}Z)(?!\d)")
_MADE_BY_TOOLS = "timestamp.txt"
"""nbgrader's own file in a submission: nbgrader would take a student's file for what the platform said."""

Parts = tuple[str, ...]
_Numbered = tuple[tuple[int, int, str], ...]


@dataclass
class _Submission:
    """What one student submitted at one time: files below one place of the extracted folder."""

    place: Parts
    student: str
    files: dict[Parts, str] = field(default_factory=dict)
    """What is taken: its path below the extracted folder, and its name below the chapter's folder."""
    told: str = ""
    """The time that the platform's name has, as the expression found it."""
    sent: str = ""
    """The time in the name that `dockbook submit` gave: the student's word."""
    packed_as: str = ""
    """The id in it, where `dockbook submit` made it."""
    archive: bool = True

    @property
    def order(self) -> tuple[str, str, _Numbered]:
        """Later ones sort last: by the platform's time, by the student's, as a platform numbers them."""
        name = "/".join(self.place)
        return (self.told, self.sent, _numbered(name if self.archive else name.rpartition(".")[0]))


class Collector(FileNameCollectorPlugin):
    """Collects submissions of ``dockbook submit``, all their files, and others by the configured
    expression. Of two by one student the later counts; nothing about one stops the others."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self._taken: dict[Parts, dict[str, str]] | None = None
        self._found: dict[Parts, dict[str, str] | None] = {}
        self._doubts: dict[Parts, bool] = {}

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """The student, the file and the time, if it has one; None to leave the file out."""
        if self._taken is None:
            self._taken = self._survey()
        path = Path(submitted_file)
        if not path.is_relative_to(self._root):
            return None
        return self._taken.get(path.relative_to(self._root).parts)

    @property
    def _root(self) -> Path:
        app = self.parent
        place = os.path.join(app.coursedir.root, app.collect_directory_structure)  # noqa: PTH118 - a template
        return Path(
            place.format(
                downloaded=app.downloaded_directory,
                assignment_id=self._chapter,
                collect_step=app.extracted_directory,
            )
        )

    @property
    def _chapter(self) -> str:
        return str(self.parent.coursedir.assignment_id)

    # -- all files at once

    def _survey(self) -> dict[Parts, dict[str, str]]:
        """For every file that is taken, what nbgrader wants to know of it."""
        found: dict[str, list[_Submission]] = {}
        for submission in self._submissions(_files(self._root)):
            found.setdefault(submission.student, []).append(submission)
        taken: dict[Parts, dict[str, str]] = {}
        came: dict[str, Received] = {}
        for student, submissions in sorted(found.items()):
            for submission in self._of_one(student, submissions):
                facts = {"student_id": student} | ({"timestamp": submission.told} if submission.told else {})
                if not self.named_regexp and submission.sent:
                    facts["timestamp"] = submission.sent
                taken |= {parts: facts | {"file_id": name} for parts, name in submission.files.items()}
                before = came.get(student, Received())
                came[student] = Received(
                    max(before.time, facts.get("timestamp", "")), submission.packed_as or before.packed_as
                )
        if came:
            note_received(Path(self.parent.coursedir.root), self._chapter, came)
        return taken

    def _of_one(self, student: str, submissions: list[_Submission]) -> Iterator[_Submission]:
        """Of this student's, the later one of two; loose files with different names go together."""
        names: set[str] = set()
        kept: list[_Submission] = []
        for submission in sorted(submissions, key=lambda one: one.order, reverse=True):
            both_loose = not submission.archive and not (kept and kept[0].archive)
            if kept and (not both_loose or names & set(submission.files.values())):
                self._say(
                    submission.place, f"{student} submitted more than once, and {_shown(kept[0])} is later"
                )
                continue
            kept.append(submission)
            names |= set(submission.files.values())
        yield from kept

    def _submissions(self, files: Sequence[Parts]) -> Iterator[_Submission]:
        packed = {parts: self._archives(parts) for parts in files if not self._in_doubt(parts[:1])}
        units: dict[Parts, list[Parts]] = {}
        in_archives: dict[Parts, Parts] = {}
        for parts, archives in packed.items():
            if archives and not self.named_regexp:
                # its zip comes from the student in any case
                units.setdefault(archives[-1], []).append(parts)
                continue
            whole = archives[0] if archives else parts
            place = self._first_named(whole)
            if archives and place == whole:
                in_archives[parts] = whole
            else:
                units.setdefault(place, []).append(parts)
        named = self._named(in_archives)
        for parts, outer in in_archives.items():
            if outer in named:
                units.setdefault(parts[: named[outer]], []).append(parts)
        for place, inside in units.items():
            submission = self._read(place, inside)
            if submission is not None:
                yield submission

    def _named(self, packed: Mapping[Parts, Parts]) -> dict[Parts, int]:
        """For each archive how many parts of a path in it the platform has named: the rest is a student's.

        Given the archive of each file. Left out, with a warning: what a student may have packed in the
        place of a platform's archive, since every name in there would name a student.
        """
        inside: dict[Parts, dict[Parts, set[Parts]]] = {}
        for parts, outer in packed.items():
            tops = inside.setdefault(outer, {})
            tops.setdefault(parts[: len(outer) + 1], set()).add(parts[: len(outer) + 2])
        named: dict[Parts, int] = {}
        platforms: list[Parts] = []
        for outer, tops in inside.items():
            named[outer] = len(outer)
            if self._by_name(outer) is not None:
                continue
            if self._in_doubt(outer):
                del named[outer]
                continue
            found = self._packed_again(outer, tops) or set(tops)
            named[outer] = max(map(len, found))
            platforms += [outer] if any(map(self._by_name, found)) else []
        if len(platforms) > 1:
            for outer in platforms:
                others = ", ".join(_shown(other) for other in platforms if other != outer)
                self._say(
                    outer,
                    f"names in it have students' ids, and so have those in {visible(others)}. Only the "
                    "platform's names count: leave only that archive in the folder, and collect "
                    "another one after it",
                )
                del named[outer]
        return named

    def _in_doubt(self, place: Parts) -> bool:
        """Whether this archive or folder, where the platform's would be, has a student's id in its own name:
        a warning then says so, once. Names inside it may be that student's."""
        if place not in self._doubts:
            asked = bool(self.named_regexp) and self._by_name(place) is None
            inside = self._by_name((*place, place[-1])) if asked else None
            self._doubts[place] = inside is not None
            if inside is not None:
                self._say(
                    place,
                    f"its name has a student's id ({visible(inside['student_id'], 64)}), so all in it is "
                    "that student's. If it is, put it into a folder; if the platform packed it for all, "
                    "call it submissions",
                )
        return self._doubts[place]

    def _first_named(self, place: Parts) -> Parts:
        """The first part of the path to a file or an archive that has a student's id, else all of it. It may
        be the folder that a platform made for one student, who gave the names in there."""
        prefixes = (place[:end] for end in range(1, len(place))) if self.named_regexp else ()
        return next((prefix for prefix in prefixes if self._by_name(prefix)), place)

    def _packed_again(self, outer: Parts, tops: Mapping[Parts, set[Parts]]) -> set[Parts]:
        """What the platform has named if its archive was unpacked and packed again.

        All is in one folder then, of the archive's own name: a folder of another may be the one student's
        who is in it.
        """
        top = (*outer, outer[-1])
        if list(tops) != [top] or self._is_archive(top):
            return set()
        for place in tops[top]:
            self._found[place] = self._by_name((*outer, place[-1]))
        return tops[top]

    def _is_archive(self, place: Parts) -> bool:
        known = getattr(self.parent.extractor_plugin_inst, "archives", None)
        # Another extractor: whatever is in a folder came out of an archive.
        return len(place) == 1 if known is None else PurePosixPath(*place) in known

    def _archives(self, parts: Parts) -> list[Parts]:
        """The archives that a file came out of, the outer one first."""
        return [place for place in (parts[:end] for end in range(1, len(parts))) if self._is_archive(place)]

    # -- one submission

    def _read(self, place: Parts, inside: Sequence[Parts]) -> _Submission | None:
        """The student and what is taken; None, with a warning, if that cannot be determined."""
        packed = inside != [place]
        base = self._base(place, inside) if packed else place[:-1]
        told: Mapping[str, str] = {}
        if self.named_regexp:
            match = self._by_name(place)
            if match is None:
                self._say(place, "c.FileNameCollectorPlugin.named_regexp finds no student's id in its name")
                return None
            told, student = match, match["student_id"]
        elif packed and base is not None and self._claims(place, base):
            student = base[-2]
        else:
            self._say(
                place,
                "it is not from a zip that `dockbook submit` made for this chapter; other files need "
                "c.FileNameCollectorPlugin.named_regexp",
            )
            return None
        if base is None:
            self._say(place, f"there is no notebook of {self._chapter} in it")
            return None
        submission = _Submission(
            place, student, archive=packed, told=self._time(place, told.get("timestamp", ""))
        )
        if packed:
            self._take_files(submission, base, inside)
            sent = _TIME.search(place[-1])
            submission.sent = self._time(place, sent[1] if sent else "")
            submission.packed_as = base[-2] if self._claims(place, base) else ""
            if submission.packed_as not in ("", student):
                self._say(place, f"collected for {student}, though the zip says {base[-2]}", left_out=False)
        else:
            name = self._loose(place, told.get("file_id", ""))
            if name is None:
                return None
            submission.files[place] = name
        return submission

    def _take_files(self, submission: _Submission, base: Parts, inside: Sequence[Parts]) -> None:
        outside = [parts for parts in inside if parts[: len(base)] != base]
        if outside:
            more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
            self._say(outside[0], f"it is outside of {_shown(base)}{more}")
        for parts in inside:
            if parts[: len(base)] != base:
                continue
            if parts[len(base) :] == (_MADE_BY_TOOLS,):
                self._say(parts, "a student cannot set the time of submission")
            else:
                submission.files[parts] = "/".join(parts[len(base) :])

    def _claims(self, place: Parts, base: Parts) -> bool:
        """Whether the archive has its files in STUDENT/CHAPTER, as `dockbook submit` packs them."""
        own = base[len(place) :]
        return len(own) > 1 and own[-1] == self._chapter and bool(_OWN_ID.match(own[-2]))

    def _base(self, place: Parts, inside: Sequence[Parts]) -> Parts | None:
        """The folder in a student's archive that is the chapter's: the uppermost with its notebook,
        else with any; of several the last, as a platform numbers them. None without any notebook."""
        notebooks = [parts for parts in inside if parts[-1].endswith(".ipynb")]
        of_chapter = [parts for parts in notebooks if parts[-1] == f"{self._chapter}.ipynb"]
        in_folder = [
            parts for parts in notebooks if parts[-2] == self._chapter and len(parts) > len(place) + 1
        ]
        for choice in (
            [parts for parts in in_folder if parts in of_chapter],
            of_chapter,
            in_folder,
            notebooks,
        ):
            if choice:
                return max(choice, key=lambda parts: (-len(parts), _numbered("/".join(parts))))[:-1]
        return None

    def _loose(self, place: Parts, file_id: str) -> str | None:
        """The name for a file that came in no archive, from what the expression found."""
        path = PurePosixPath(file_id)
        suffix = PurePosixPath(place[-1]).suffix
        if suffix not in self.valid_ext:
            self._say(place, f"of loose files, only those that end in {', '.join(self.valid_ext)} are taken")
            return None
        if not path.name or path.is_absolute() or "\\" in file_id or any(p[0] == "." for p in path.parts):
            self._say(place, "named_regexp finds no usable name for the file in it")
            return None
        # ch04-containers-1, ch04-containers (2): a platform, or a browser, has numbered them.
        if suffix == ".ipynb" and re.match(rf"{re.escape(self._chapter)}(?![a-z0-9])", path.name):
            path = path.with_name(self._chapter)
        return f"{path}{suffix}" if not path.suffix else str(path.with_suffix(suffix))

    def _by_name(self, parts: Parts) -> dict[str, str] | None:
        """What the expression finds in a name that the platform gave, if it finds a usable id in it."""
        if parts not in self._found:
            self._found[parts] = self._search(parts)
        return self._found[parts]

    def _search(self, parts: Parts) -> dict[str, str] | None:
        # An expression may ask for the chapter behind the id. In an archive that is the student's to name: it
        # is read as if the student had named it right, and nothing else of the archive is read.
        start = f"{self._root.as_posix()}/"
        path = start + "/".join(parts)
        for tail in ("", f"/{self._chapter}/{self._chapter}.ipynb"):
            match = re.match(self.named_regexp, path + tail)
            if match is None or "student_id" not in match.re.groupindex or not match["student_id"]:
                continue
            inside = match.start("student_id") >= len(start) and match.end("student_id") <= len(path)
            if inside and _PLATFORMS_ID.match(match["student_id"]):
                found = {key: value for key, value in match.groupdict().items() if value}
                if "timestamp" in found and match.end("timestamp") > len(path):
                    del found["timestamp"]
                return found
        return None

    def _time(self, place: Parts, text: str) -> str:
        """This time, if it is possible."""
        if not text:
            return ""
        try:
            time = parse_utc(text)
            if time.replace(tzinfo=UTC) < datetime.now(UTC) + timedelta(days=1):
                return str(time.isoformat())
        except (ValueError, OverflowError, TypeError):
            pass
        told = f"the time in its name, {visible(text, 40)}, is impossible; it is ignored"
        self._say(place, told, left_out=False)
        return ""

    def _say(self, parts: Parts, why: str, *, left_out: bool = True) -> None:
        self.log.warning("%s%s: %s", _shown(parts), " is left out" if left_out else "", why)


def _files(root: Path) -> list[Parts]:
    """Everything below the folder that a person may have put there, as parts of a path."""
    found = []
    for base, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if not ignored(name))
        found += [Path(base, name).relative_to(root).parts for name in sorted(names) if not ignored(name)]
    return found


def _numbered(name: str) -> _Numbered:
    """A sort key that puts 10 after 9."""
    parts = re.split(r"(\d+)", name)
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part)


def _shown(place: Parts | _Submission) -> str:
    return visible("/".join(place.place if isinstance(place, _Submission) else place), 200)
