"""19 break the format, 20 poison the strings."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from tests.grading import tiny
from tests.grading.hostile.attack import Attack, Edit, Files, greeter, tests

NAME = f"{tiny.CHAPTER}.ipynb"
UNREADABLE = (
    "nothing in it can be read with certainty: like no submission, zero with the reason, and a person sees it"
)


def _rewritten(change: Callable[[dict[str, Any]], Any]) -> Files:
    """The notebook's JSON changed, written without nbformat's care."""

    def files(folder: Path) -> None:
        data = json.loads((folder / NAME).read_text())
        changed = change(data)
        (folder / NAME).write_text(json.dumps(data if changed is None else changed))

    return files


def _bytes(change: Callable[[bytes], bytes]) -> Files:
    def files(folder: Path) -> None:
        (folder / NAME).write_bytes(change((folder / NAME).read_bytes()))

    return files


def _version_3(folder: Path) -> None:
    notebook = nbformat.read(folder / NAME, as_version=4)
    (folder / NAME).write_text(json.dumps(nbformat.convert(notebook, 3)))


def _without_tests(notebook: NotebookNode) -> None:
    gone = tests(notebook)
    notebook.cells = [cell for cell in notebook.cells if cell not in gone]


def _only_the_half(notebook: NotebookNode) -> None:
    notebook.cells = [notebook.cells[1], tiny.cell(notebook, "sum")]


def _doubled(notebook: NotebookNode) -> None:
    for test in tests(notebook):
        easy = copy.deepcopy(test)
        easy.source = "3"
        notebook.cells.insert(0, easy)
        notebook.cells.append(copy.deepcopy(easy))


def _easier_behind(notebook: NotebookNode) -> None:
    for test in tests(notebook):
        notebook.cells.append(new_code_cell("3", metadata=copy.deepcopy(test.metadata)))


def _retyped(kind: str) -> Edit:
    def edit(notebook: NotebookNode) -> None:
        for test in tests(notebook):
            at = notebook.cells.index(test)
            make = new_markdown_cell if kind == "markdown" else new_raw_cell
            notebook.cells[at] = make(test.source, metadata=test.metadata, id=test.id)

    return edit


def _swapped(notebook: NotebookNode) -> None:
    one, two = tests(notebook)
    marks = one.metadata["nbgrader"], two.metadata["nbgrader"]
    one.metadata["nbgrader"], two.metadata["nbgrader"] = marks[1], marks[0]


def _same_id(notebook: NotebookNode) -> None:
    for cell in tests(notebook):
        cell.metadata["nbgrader"]["grade_id"] = "test-sum"


def _rewritten_tests(notebook: NotebookNode) -> None:
    for test in tests(notebook):
        test.source = "pass"


def _stripped(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata = {}
        cell.id = f"x{notebook.cells.index(cell)}"


def _strange_cells(data: dict[str, Any]) -> None:
    data["cells"] += [None, 7, "x", [], {}, {"cell_type": "code"}, {"cell_type": "heading", "source": "x"}]
    data["cells"] += [{"cell_type": "code", "source": ["a", 7], "metadata": None, "id": "\x00" * 99}]
    data["cells"] += [{"cell_type": "code", "source": "1", "metadata": {"nbgrader": [1], "tags": {"a": 1}}}]
    data["cells"] += [
        {"cell_type": "markdown", "source": "x", "attachments": {"a": 1}, "metadata": {}, "id": 7}
    ]
    data["metadata"] = [1, 2]
    data["nbformat_minor"] = "five"


def _strange_text(data: dict[str, Any]) -> None:
    data["cells"].insert(2, {"cell_type": "code", "metadata": {}, "source": "x = '\ud800'\n'\x00'\x1b[2J"})


def _folder_instead(folder: Path) -> None:
    (folder / NAME).unlink()
    (folder / NAME).mkdir()
    (folder / NAME / NAME).write_text("{}")


def _link_instead(folder: Path) -> None:
    (folder / NAME).unlink()
    (folder / NAME).symlink_to(folder.parents[1] / "zoe" / tiny.CHAPTER / NAME)


def _pipe_instead(folder: Path) -> None:
    (folder / NAME).unlink()
    os.mkfifo(folder / NAME)


def _renamed(folder: Path) -> None:
    (folder / NAME).rename(folder / "mine.ipynb")


FORMAT = [
    Attack(
        19,
        "tests deleted",
        "what is not there cannot fail",
        edit=_without_tests,
        told="is not in the notebook; the instructor's was put back",
    ),
    Attack(
        19,
        "only the solved half",
        "the rest is not there",
        edit=_only_the_half,
        told="is not in the notebook",
    ),
    Attack(
        19,
        "easier copies behind",
        "the last of two may count",
        edit=_easier_behind,
        told="there more than once",
    ),
    Attack(
        19,
        "tests doubled, easier",
        "the first or the last of two may count",
        edit=_doubled,
        told="there more than once",
    ),
    Attack(
        19,
        "tests made markdown",
        "text is not run",
        edit=_retyped("markdown"),
        told="is a markdown cell here",
    ),
    Attack(19, "tests made raw", "raw cells are not run", edit=_retyped("raw"), told="is a raw cell here"),
    Attack(
        19, "marks swapped", "one test stands for the other's points", edit=_swapped, told="lost its mark"
    ),
    Attack(19, "one id twice", "two cells of one name", edit=_same_id, told="lost its mark"),
    Attack(
        19,
        "tests rewritten",
        "the plain way",
        edit=_rewritten_tests,
        told="changed; the instructor's was used",
    ),
    Attack(
        19,
        "every mark and id stripped",
        "a notebook without marks has no tests",
        edit=_stripped,
        told="have lost nbgrader's marks",
    ),
    Attack(
        19,
        "cells that are none",
        "a reader that expects cells breaks",
        files=_rewritten(_strange_cells),
        told="not a notebook cell",
    ),
    Attack(
        19, "surrogates, NULs and escapes", "text that cannot be written", files=_rewritten(_strange_text)
    ),
    Attack(19, "version 3", "another shape of the same work", files=_version_3),
    Attack(
        19,
        "version 5",
        "a version that nobody knows",
        files=_rewritten(lambda data: data.update(nbformat=5)),
        told="not a notebook that can be read",
        worth=(),
        because=UNREADABLE,
    ),
    Attack(
        19,
        "a byte order mark",
        "text that begins with what is no text",
        files=_bytes(lambda data: b"\xef\xbb\xbf" + data),
    ),
    Attack(
        19,
        "truncated JSON",
        "a batch that stops at one file stops for all",
        files=_bytes(lambda data: data[: len(data) // 2]),
        told="not a complete notebook",
        worth=(),
        because=UNREADABLE,
    ),
    Attack(
        19,
        "UTF-16",
        "text in another encoding",
        files=_bytes(lambda data: data.decode().encode("utf-16")),
    ),
    Attack(
        19,
        "an empty file",
        "nothing to read",
        files=_bytes(lambda _: b""),
        told="is empty",
        worth=(),
        because=UNREADABLE,
    ),
    Attack(
        19,
        "nested without end",
        "a parser has a stack",
        files=_bytes(lambda _: b'{"cells": ' + b"[" * 200_000),
        told="not a complete notebook",
        worth=(),
        because=UNREADABLE,
    ),
    Attack(
        19,
        "thirty megabytes",
        "a notebook is read whole",
        files=_bytes(lambda data: data.replace(b'"# Tiny"', b'"# ' + b"x" * (30 << 20) + b'"')),
        told="larger than",
        worth=(),
        because=UNREADABLE,
        stock="not run: a bomb",
    ),
    Attack(
        19,
        "a folder in the notebook's place",
        "what is opened is no file",
        files=_folder_instead,
        told="not a regular file|cannot be opened|is a",
        worth=(),
        because=UNREADABLE,
    ),
    Attack(
        19,
        "a classmate's notebook by link",
        "the file is another's",
        files=_link_instead,
        told="is a link",
        worth=(),
        because="a link is nobody's work: zero with the reason",
    ),
    Attack(
        19,
        "a pipe in the notebook's place",
        "whoever reads waits for ever",
        files=_pipe_instead,
        told="not a regular file",
        worth=(),
        because=UNREADABLE,
        stock="nbgrader 0.9 opens the pipe and waits without end",
    ),
    Attack(
        19,
        "another name",
        "the wrong file is nobody's mistake",
        files=_renamed,
        told="has the chapter's cells and was used instead",
    ),
]

MARK = "dockbook-xss"
HTML = f"<img src=x onerror=\"alert('{MARK}')\"><script>alert('{MARK}')</script>"
ANSI = f"\x1b[2J\x1b]0;{MARK}\x07\x1b[31m\x9b31m\r\u202e"


def _shown(notebook: NotebookNode) -> None:
    """HTML where nbconvert shows what students wrote."""
    links = (
        f"[x](javascript:alert('{MARK}')) ![x](x\" onerror=\"alert('{MARK}'))\n\n<svg onload=alert('{MARK}')>"
    )
    notebook.cells += [
        new_markdown_cell(f"{HTML}\n\n{links}\n\n$\\href{{javascript:alert('{MARK}')}}{{x}}$"),
        new_raw_cell(HTML, metadata={"raw_mimetype": "text/html", "format": "text/html"}),
        new_code_cell(
            f"#{HTML}\nfrom IPython.display import HTML, Javascript, SVG, display\n"
            f"display(HTML({HTML!r}), Javascript('alert()'), SVG('<svg onload=\"alert()\"/>'))\n"
            f"print({HTML!r}, {ANSI!r})\nraise Exception({HTML!r})"
        ),
        new_markdown_cell("x", metadata={"tags": [HTML, ANSI]}, attachments={HTML: {"text/html": HTML}}),
    ]
    for test in tests(notebook):
        test.metadata["tags"] = [HTML, ANSI, "x" * 10_000]


def _labels(text: str) -> Edit:
    """A container named `greeter` whose every free string is this."""
    return greeter(
        f"text = {text!r}\n"
        "client.containers.run('busybox', ['echo', text], name='greeter', detach=True, labels={text: text},\n"
        "    environment={'X': text}, working_dir='/' + text[:50].replace('/', ''), hostname='x').wait()"
    )


def _file_names(folder: Path) -> None:
    here = os.fsencode(folder)
    for name in (HTML.replace("/", "-"), ANSI, "-rf", "x" * 250, "a\nb", "$(reboot)", "*", "~", "ä" * 100):
        Path(folder, name).write_text("x")
        Path(folder, f"{name[:200]}.link").symlink_to("/etc/passwd")
    for raw in (b"\xff\xfe.txt", b"\xed\xa0\x80.txt"):
        with open(here + b"/" + raw, "wb") as file:
            file.write(b"\xff")
    Path(os.fsdecode(here + b"/\xff.link")).symlink_to("/etc/passwd")


STRINGS = [
    Attack(20, "HTML in cells, outputs and tags", "the feedback is a page", edit=_shown, told="tagged"),
    Attack(20, "HTML in a container", "findings quote what is found", edit=_labels(HTML), told="onerror"),
    Attack(20, "escapes in a container", "a terminal obeys them", edit=_labels(ANSI), told="x1b"),
    Attack(20, "a megabyte in a container", "findings grow without end", edit=_labels("ä" * 100_000)),
    Attack(
        20,
        "bytes that are no text",
        "a log is bytes",
        edit=greeter(
            "noise = 'head -c 100000 /dev/urandom; printf \"\\\\377\\\\000\\\\033[2J\"'\n"
            "client.containers.run('busybox', ['sh', '-c', noise],\n"
            "    name='greeter', detach=True).wait()"
        ),
    ),
    Attack(
        20, "names of files", "names go into notes, logs and commands", files=_file_names, told="not followed"
    ),
    Attack(
        20,
        "HTML in an answer",
        "the answer is quoted",
        edit=lambda notebook: tiny.cell(notebook, "sum").update(source=f"total = {HTML + ANSI!r}"),
        honest="greeter",
        told="onerror",
    ),
    Attack(
        20,
        "names of images",
        "a hint may name them",
        "for n in range(5): client.images.get('busybox').tag(f'greeter{n}/script-alert-1', 'x' * 128)\n"
        f"import docker\ntry: client.images.get('busybox').tag({HTML!r})\n"
        "except docker.errors.DockerException as error: print(error)",
    ),
]

ATTACKS = [*FORMAT, *STRINGS]
