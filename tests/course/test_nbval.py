"""nbval, strict, over every chapter on a real engine; then proof that each stored output matters.

A notebook is executed once, by nbval itself. What nbval compared is recorded, and then every stored text
is changed, one at a time, and put before nbval's own comparison again.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, coalesce_streams, get_sanitize_patterns, nocolors

from grader.course import Chapter, Course
from grader.engine.base import Engine

ROOT = Path(__file__).parents[2]
COURSE = Course.read(ROOT / "course")
SANITIZER = COURSE.root / "nbval.cfg"
SECONDS = 280

NOT_COMPARED = {
    "image/png": "pixels differ with fonts and library versions",
    "image/jpeg": "pixels differ with fonts and library versions",
    "traceback": "holds file paths and line numbers; name and message of the error are compared",
    "application/vnd.jupyter.widget-view+json": "model ids are random",
}
"""What nbval leaves out of its comparison by design, and why the course can live with that."""

# A plugin for the run itself: what each cell printed, in the very form in which nbval compared it.
RECORDER = """
import json, os
from nbval.plugin import IPyNbCell

whole = IPyNbCell.runtest

def runtest(self):
    try:
        whole(self)
    finally:
        with open(os.environ["DOCKBOOK_RECORD"], "a", encoding="utf-8") as file:
            found = {"outputs": self.test_outputs, "skip": self.parent.skip_compare}
            file.write(json.dumps(found) + "\\n")

IPyNbCell.runtest = runtest
"""


@dataclass(frozen=True)
class Run:
    """nbval's exit code and report on a chapter, what it skips, and the outputs of each code cell."""

    chapter: Chapter
    code: int
    report: str
    skip: tuple[str, ...]
    outputs: list[list[NotebookNode]]

    @property
    def cells(self) -> list[NotebookNode]:
        """The code cells as stored."""
        return [cell for cell in self.chapter.source.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module", params=COURSE.written, ids=lambda chapter: chapter.id)
def run(
    request: pytest.FixtureRequest, shared_engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """One strict run of nbval over a chapter, as a subprocess, on an engine."""
    chapter: Chapter = request.param
    shared_engine.reset()
    folder = tmp_path_factory.mktemp("nbval")
    (folder / "dockbook_recorder.py").write_text(RECORDER)
    (folder / "pytest.ini").write_text("[pytest]\n")
    record = folder / "record.jsonl"
    env = shared_engine.env(os.environ)
    env["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT), env.get("PYTHONPATH", "")])
    env["DOCKBOOK_RECORD"] = str(record)
    # Beside the engine, as in the lab: what its containers publish answers on 127.0.0.1.
    command = [
        *shared_engine.network_prefix(),
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        str(chapter.notebook),
    ]
    options = ["--nbval-sanitize-with", str(SANITIZER), "-p", "dockbook_recorder", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*command, *options, "-c", str(folder / "pytest.ini"), "--color=no", "-q"],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    found = [json.loads(line) for line in lines]
    skip = {key for each in found for key in each["skip"]}
    outputs = [[nbformat.from_dict(output) for output in each["outputs"]] for each in found]
    return Run(chapter, ended.returncode, ended.stdout + ended.stderr, tuple(sorted(skip)), outputs)


def test_the_notebook_gives_what_it_stores(run: Run) -> None:
    assert run.code == 0, run.report
    assert len(run.outputs) == len(run.cells)
    assert all(cell.execution_count for cell in run.cells), "nbval compares nothing where no run is stored"
    assert "skipped" not in run.report, run.report


class Comparison:
    """nbval's own comparison without a pytest session: its functions, given what they ask of a cell."""

    def __init__(self, skip: Sequence[str] = ()) -> None:
        patterns = dict(get_sanitize_patterns(SANITIZER.read_text(encoding="utf-8")))
        self.parent = SimpleNamespace(sanitize_patterns=patterns, skip_compare=tuple(skip))
        self.colors = nocolors
        self.comparison_traceback: list[str] = []

    def sanitize(self, text: str) -> str:
        return str(IPyNbCell.sanitize(self, text))

    def format_output_compare(self, key: str, left: str, right: str) -> None:
        """Only words for a report."""

    def holds(self, test: list[NotebookNode], stored: list[NotebookNode]) -> bool:
        """Whether nbval takes ``test`` for ``stored``."""
        # It joins streams in place.
        stored = coalesce_streams(copy.deepcopy(stored))
        return bool(IPyNbCell.compare_outputs(self, copy.deepcopy(test), stored))


@dataclass(frozen=True)
class Place:
    """One stored text: which output of a cell, and the keys that lead to it."""

    cell: str
    output: int
    keys: tuple[str, ...]

    def get(self, outputs: list[NotebookNode]) -> str:
        value: Any = outputs[self.output]
        for key in self.keys:
            value = value[key]
        return value if isinstance(value, str) else json.dumps(value)

    def change(self, outputs: list[NotebookNode], text: str) -> list[NotebookNode]:
        changed = copy.deepcopy(outputs)
        value: Any = changed[self.output]
        for key in self.keys[:-1]:
            value = value[key]
        value[self.keys[-1]] = text
        return changed


def places(cell: NotebookNode) -> Iterator[Place]:
    """All texts that a reader sees in a cell's stored outputs."""
    for number, output in enumerate(cell.outputs):
        if output.output_type == "stream":
            yield Place(cell.id, number, ("text",))
        elif output.output_type == "error":
            for key in ("ename", "evalue", "traceback"):
                yield Place(cell.id, number, (key,))
        else:
            for kind in output.data:
                yield Place(cell.id, number, ("data", kind))


def changes(text: str, comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Ways in which a text can go wrong: more, less, nothing, another letter."""
    yield "a word more", text.rstrip("\n") + " indeed\n"
    yield "a line more", text.rstrip("\n") + "\nand so on\n"
    yield "nothing at all", ""
    lines = text.splitlines(keepends=True)
    if len(lines) > 1:
        yield "without its last line", "".join(lines[:-1])
        yield "its first line twice", lines[0] + text
    letters = [n for n, char in enumerate(text) if char.isalnum()]
    for n in letters:
        other = "x" if text[n] != "x" else "y"
        changed = f"{text[:n]}{other}{text[n + 1 :]}"
        # What the sanitizer hides on purpose may change; one letter that it does not hide must count.
        if comparison.sanitize(changed) != comparison.sanitize(text):
            yield f"its letter {n} another", changed
            break
    else:
        yield "all hidden by the sanitizer", text


def test_changing_any_stored_text_fails(run: Run) -> None:
    assert run.code == 0, "nbval has to pass first"
    comparison = Comparison(run.skip)
    survived, uncompared, tried = [], [], 0
    for got, cell in zip(run.outputs, run.cells, strict=True):
        assert comparison.holds(got, cell.outputs), f"{cell.id}: as stored it must hold"
        for place in places(cell):
            kind = place.keys[-1]
            if kind in run.skip:
                uncompared.append(f"{cell.id} {kind}: {NOT_COMPARED[kind]}")
                continue
            for what, text in changes(place.get(cell.outputs), comparison):
                tried += 1
                if comparison.holds(got, place.change(cell.outputs, text)):
                    survived.append(f"{cell.id} {'.'.join(place.keys)}: {what}")
    print(f"{run.chapter.id}: {tried} changes tried; nothing compares:", *uncompared, sep="\n  ")
    assert tried > 50
    assert not survived, "\n".join(survived)


def test_an_output_too_many_or_too_few_fails(run: Run) -> None:
    assert run.code == 0, "nbval has to pass first"
    comparison = Comparison(run.skip)
    for got, cell in zip(run.outputs, run.cells, strict=True):
        for gone in range(len(cell.outputs)):
            fewer = cell.outputs[:gone] + cell.outputs[gone + 1 :]
            assert not comparison.holds(got, fewer), f"{cell.id} without output {gone}"
        more = [*cell.outputs, nbformat.v4.new_output("stream", name="stderr", text="oh\n")]
        assert not comparison.holds(got, more), f"{cell.id} with an output more"


# The sanitizer by itself: no engine.

HIDDEN = [
    ("#6 0.157 \n#6 0.2 Get:1\n#6 DONE 1.0s", "#6 0.3 Hit:1\n#6 DONE 2.0s"),
    (
        "#8 naming to docker.io/a/b:1\n#8 naming to docker.io/a/b:1 done\n",
        "#8 naming to docker.io/a/b:1 done\n",
    ),
    ("#4 [1/2] FROM x\n#4 DONE 0.1s\n\n#6 [2/2] RUN a\n", "#4 [1/2] FROM x\n#4 CANCELED\n\n#6 [2/2] RUN a\n"),
    ("#4 [1/2] FROM x\n#4 DONE 0.1s\n\n#6 [2/2] RUN a\n", "#4 [1/2] FROM x\n\n#6 [2/2] RUN a\n"),
    (
        "#5 [1/2] FROM x\n#5 CACHED\n\n#6 [2/2] RUN a\n#6 DONE 1.0s\n",
        "#5 [1/2] FROM x\n#5 CACHED\n\n#6 [2/2] RUN a\n#6 ...\n\n#6 [2/2] RUN a\n#6 DONE 1.0s\n",
    ),
    (" Version:           26.1.5+dfsg1", " Version:           28.5.2"),
    ("  API version:      1.45 (minimum version 1.24)", "  API version:      1.51 (minimum version 1.24)"),
    (" Built:             Thu Aug 13 05:35:48 2026", " Built:             Mon Feb  3 00:00:00 2025"),
    ("  GitCommit:        10269840aa07", "  GitCommit:        "),
    ("d   unix:///tmp/dockbook-0/92f82286/docker.sock", "d   unix:///run/docker.sock"),
    ("Server: Docker/26.1.5+dfsg1 (linux)", "Server: Docker/28.5.2 (linux)"),
    ("ii  runc           1.1.15+ds1-2      amd64", "ii  runc   1.3.0-1   arm64"),
    ("debian   trixie   567837918155   2 days ago", "debian   trixie   8b5cd4cb3f52   3 weeks ago"),
    ("debian   trixie   abcdefabcdef   2 days ago", "debian   trixie   8b5cd4cb3f52   3 weeks ago"),
    ("sha256:" + "0123456789abcdef" * 4, "sha256:" + "fedcba9876543210" * 4),
    ("0123456789abcdef" * 4, "fedcba9876543210" * 4),
    ("<Container: 980291e474e0>", "<Container: 123456789012>"),
    ("96e6ed24c929   busybox", "123456789012   busybox"),
    ("2024-01-02T03:04:05.678901234Z up", "2025-11-12 13:14:15 +0000 up"),
    ("Less than a second ago", "3 seconds ago"),
    ("Up 2 minutes", "Up About an hour"),
    ("a   b", "a       b"),
    ("0.0.0.0:32768->5000/tcp", "0.0.0.0:49153->5000/tcp"),
    ("address 172.17.0.2", "address 172.18.0.13"),
    ("Linux version 6.1.0-18-amd64 (a@b)", "Linux version 6.12.5 (c@d) #1"),
    ("one\r\ntwo", "one\ntwo"),
    ("#6 [2/3] RUN a\n#6 0.1 Get:1\n#6 DONE 0.4s\n", "#7 [2/3] RUN a\n#7 DONE 11.0s\n"),
    ("#4 [1/3] FROM debian\n#4 CACHED\n", "#5 [1/3] FROM debian\n#5 DONE 0.0s\n"),
    ("ADD file:fa5b8880d37207213…   2.02MB", "ADD file:0123456789abcdef0…   2.02MB"),
    ("5000/tcp -> 0.0.0.0:5002\n5000/tcp -> [::]:5002\n", "5000/tcp -> 0.0.0.0:5002\n"),
    ("0.0.0.0:5002->5000/tcp, :::5002->5000/tcp", "0.0.0.0:5002->5000/tcp"),
    ("http+docker://localhost/v1.45/images/x", "http://10.0.0.1:2375/v1.41/images/x"),
    (
        "96e6ed24c929: Pulling fs layer\n96e6ed24c929: Pull complete\nDone\n",
        "16e6ed24c929: Already exists\nDone\n",
    ),
]
SHOWN = [
    ("3.12.1 4.13.0-37-generic", "3.12.1 4.14.0-37-generic"),
    ("P=tcp://172.17.0.2:5000", "P=tcp://172.17.0.2:5001"),
    (" Version:           26.1.5", " Version:"),
    (" Version:           26.1.5", " Version:           26.1.5 indeed"),
    (" Context:           default", " Context:           far"),
    ("ii  runc           1.1.15+ds1-2      amd64", "rc  runc           1.1.15+ds1-2      amd64"),
    ("a total of 567837918155 bytes", "a total of 567837918156 bytes"),
    ("exit code 137", "exit code 143"),
    ("#6 [2/3] RUN a\n#6 CACHED\n", "#6 [2/3] RUN a\n#6 DONE 0.4s\n"),
    ("#6 [2/3] RUN a\n", "#6 [2/3] RUN b\n"),
    ("file:fa5b8880d37207213…   2.02MB", "file:fa5b8880d37207213…   3.02MB"),
    ("5000/tcp -> [::1]:5002\n", ""),
    ("hello world", "hello  worlds"),
    ("0.0.0.0:5001->5000/tcp", "0.0.0.0:5000->5000/tcp"),
    ("127.0.0.1:32768->5000/tcp", "0.0.0.0:32768->5000/tcp"),
    ("images/busybox:1999", "images/busybox:2000"),
    ("Up 2 minutes", "Exited (0) 2 minutes ago"),
    ("debian:trixie", "debian:latest"),
    ("32768->5000/tcp", "32768->5000/udp"),
    ("2 lines", "3 lines"),
    ("deadbeef", "cafebabe"),
]


@pytest.mark.parametrize(("one", "other"), HIDDEN)
def test_the_sanitizer_hides_what_differs_between_honest_runs(one: str, other: str) -> None:
    comparison = Comparison()
    assert comparison.sanitize(one) == comparison.sanitize(other)


@pytest.mark.parametrize(("one", "other"), SHOWN)
def test_the_sanitizer_hides_no_more(one: str, other: str) -> None:
    comparison = Comparison()
    assert comparison.sanitize(one) != comparison.sanitize(other)


def test_every_rule_of_the_sanitizer_is_read() -> None:
    """A stray blank line between the two halves of a rule would silently switch it off."""
    text = SANITIZER.read_text(encoding="utf-8")
    assert len(get_sanitize_patterns(text)) == text.count("\nregex: ") == text.count("\nreplace: ")
    assert not [line for line in text.splitlines() if line != line.rstrip()], "blanks at line ends get lost"
