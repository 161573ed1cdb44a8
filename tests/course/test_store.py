"""Storing outputs: all or nothing, and the same file again. These notebooks need no engine."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.errors import CourseError, KernelDied
from grader.grading import store_outputs as store
from grader.grading.store_outputs import store_outputs

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def write(folder: Path, *sources: str, tags: dict[int, str] | None = None) -> Path:
    cells = [new_markdown_cell("# Title", id="title")]
    for number, source in enumerate(sources):
        cell = new_code_cell(source, id=f"cell-{number}")
        if tags and number in tags:
            cell.metadata["tags"] = [tags[number]]
        cells.append(cell)
    path = folder / "source" / "ch99-trial" / "ch99-trial.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), path)
    return path


def run(path: Path, **extra: str) -> None:
    store_outputs(path, {**os.environ, "DOCKER_HOST": "unix:///nowhere.sock", **extra})


def test_outputs_are_stored_and_nothing_else_changes(tmp_path: Path) -> None:
    path = write(
        tmp_path, "print('a')\nprint('b')", "import sys\nprint('c', file=sys.stderr)\n1 + 1", "x = 3"
    )
    before = nbformat.read(path, as_version=4)
    run(path)
    after = nbformat.read(path, as_version=4)
    assert after.metadata == before.metadata == METADATA
    assert [(cell.id, cell.source, cell.metadata) for cell in after.cells] == [
        (cell.id, cell.source, cell.metadata) for cell in before.cells
    ]
    first, second, third = after.cells[1:]
    assert [output.text for output in first.outputs] == ["a\nb\n"]
    assert [output.output_type for output in second.outputs] == ["stream", "execute_result"]
    assert second.outputs[1].data == {"text/plain": "2"}
    assert third.outputs == []
    assert [cell.execution_count for cell in after.cells[1:]] == [1, 2, 3]
    assert second.outputs[1].execution_count == 2
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "something was left beside it"


def test_storing_twice_gives_the_same_file(tmp_path: Path) -> None:
    path = write(tmp_path, "print('hello')", "{'a': 1}")
    run(path)
    first = path.read_bytes()
    run(path)
    assert path.read_bytes() == first
    assert first.endswith(b"}\n")


def stored(path: Path, given: str) -> nbformat.NotebookNode:
    run(path, GIVEN=given)
    return nbformat.read(path, as_version=4)


def test_all_outputs_are_of_one_run(tmp_path: Path) -> None:
    """What the sanitizer hides keeps its old text, unless something else has changed: ids are compared."""
    (tmp_path / "nbval.cfg").write_text("An example.\nregex: id \\d+\nreplace: ID\n")
    word = "import os\nprint('word', os.environ['GIVEN'])"
    path = write(tmp_path, "import time\nprint('id', time.time_ns())", word)
    first, again, other = (stored(path, given) for given in ("one", "one", "two"))
    assert first.cells[1].outputs == again.cells[1].outputs
    assert first.cells[2].outputs != other.cells[2].outputs
    assert first.cells[1].outputs != other.cells[1].outputs


def test_the_environment_is_the_one_given(tmp_path: Path) -> None:
    path = write(tmp_path, "import os\nprint(os.environ['DOCKER_HOST'], os.environ['GIVEN'])")
    run(path, GIVEN="here")
    assert nbformat.read(path, as_version=4).cells[1].outputs[0].text == "unix:///nowhere.sock here\n"


def test_an_intended_error_is_stored_without_its_traceback(tmp_path: Path) -> None:
    path = write(tmp_path, "raise ValueError('meant')", "print('on')", tags={0: "raises-exception"})
    run(path)
    error, after = nbformat.read(path, as_version=4).cells[1:]
    assert error.outputs[0].traceback == ["ValueError: meant"]
    assert after.outputs[0].text == "on\n"


@pytest.mark.parametrize(
    ("sources", "tags", "words"),
    [
        (("print(1)", "1 / 0"), {}, "cell-1 failed: ZeroDivisionError: division by zero"),
        (("raise ValueError",), {}, "cell-0 failed: ValueError: (no message)"),
        (("raise ValueError('one\\n\\n  two')",), {}, "cell-0 failed: ValueError: one / two"),
        (("print(1)", "import time\ntime.time_ns()"), {}, "two runs of the cell cell-1 gave two different"),
        (("print(1)",), {0: "raises-exception"}, "cell-0 is tagged raises-exception, and it raised nothing"),
    ],
)
def test_a_cell_that_does_not_run_as_intended_changes_nothing(
    tmp_path: Path, sources: tuple[str, ...], tags: dict[int, str], words: str
) -> None:
    path = write(tmp_path, *sources, tags=tags)
    before = path.read_bytes()
    with pytest.raises(CourseError) as caught:
        run(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("sources", "tags", "words"),
    [
        (("print(1)", "1 / 0"), {}, "cell 3 (1 / 0) failed: ZeroDivisionError"),
        (("# time\nimport time\ntime.time_ns()",), {}, "two runs of cell 2 (# time) gave two different"),
        (("print(1)",), {0: "raises-exception"}, "cell 2 (print(1)) is tagged raises-exception"),
        (("print(1)",), {}, ""),
    ],
)
def test_a_notebook_older_than_cell_ids_is_stored_and_its_cells_are_named(
    tmp_path: Path, sources: tuple[str, ...], tags: dict[int, str], words: str
) -> None:
    path = write(tmp_path, *sources, tags=tags)
    notebook = nbformat.read(path, as_version=4)
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]
    nbformat.write(notebook, path)
    if words:
        with pytest.raises(CourseError) as caught:
            run(path)
        assert words in str(caught.value)
    else:
        run(path)
        after = nbformat.read(path, as_version=4)
        assert after.nbformat_minor == 4
        assert after.cells[1].outputs[0].text == "1\n"


def test_a_cell_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "CELL_S", 1)
    path = write(tmp_path, "print(1)", "while True: pass")
    before = path.read_bytes()
    with pytest.raises(CourseError, match=r"cell-1 ran longer than 1 s"):
        run(path)
    assert path.read_bytes() == before


def test_a_kernel_that_ends_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "import os\nos._exit(1)")
    before = path.read_bytes()
    with pytest.raises(KernelDied, match=r"cell-0|the first cell"):
        run(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["", "{", '{"cells": []}', "[]"])
def test_a_damaged_notebook_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.ipynb"
    path.write_text(content)
    with pytest.raises(CourseError, match="cannot be read"):
        run(path)
    assert path.read_text() == content


def test_a_missing_notebook_is_told(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="cannot be read"):
        run(tmp_path / "none.ipynb")
