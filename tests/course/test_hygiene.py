"""Every chapter's notebook as a file: its form, its metadata, the marks of its tasks. No engine is needed."""

from __future__ import annotations

import ast
import re

import nbformat

from grader.course import Chapter, is_test, marks
from grader.engine.build import docker_archive
from grader.notebook import scenes
from tests.course.notebooks import COURSE, FIRST_CELL, code, prose

LINES, TASK_LINES, COLUMNS = 8, 12, 110
TAGS = {"raises-exception", "prepare"}
FOLDED = "jp-MarkdownHeadingCollapsed"
"""A side road: JupyterLab shows its heading alone until somebody unfolds it."""
MARKS = {"schema_version", "task", "grade", "grade_id", "locked", "solution", "points"}
SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")


def test_there_is_a_chapter() -> None:
    assert COURSE.written


def test_every_folder_of_the_source_is_a_chapter() -> None:
    folders = {path.name for path in (COURSE.root / "source").iterdir() if path.is_dir()}
    assert folders == {chapter.id for chapter in COURSE.written}


def test_is_a_valid_notebook_of_the_current_format(chapter: Chapter) -> None:
    nbformat.validate(chapter.source)
    assert (chapter.source.nbformat, chapter.source.nbformat_minor) == (4, 5)


def test_first_code_cell(chapter: Chapter) -> None:
    first = code(chapter)[0]
    assert first.source == FIRST_CELL
    assert not first.metadata


def test_cells_are_short(chapter: Chapter) -> None:
    for cell in code(chapter):
        most = TASK_LINES if marks(cell) else LINES
        lines = cell.source.splitlines()
        assert 1 <= len(lines) <= most, f"{cell.id}: {len(lines)} lines"
        assert max(map(len, lines)) <= COLUMNS, f"{cell.id}: a line of {max(map(len, lines))} characters"


# Metadata


def test_notebook_metadata(chapter: Chapter) -> None:
    assert chapter.source.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_cell_metadata(chapter: Chapter) -> None:
    for cell in chapter.source.cells:
        assert set(cell.metadata) <= {"nbgrader", "tags", FOLDED}, f"{cell.id}: {sorted(cell.metadata)}"
        assert set(cell.metadata.get("tags", ())) <= TAGS, cell.id
        assert not cell.get("attachments"), f"{cell.id}: pictures are files in figures/"
        for output in cell.get("outputs", ()):
            assert not output.get("metadata"), f"{cell.id}: its output has metadata"


def test_what_is_folded_is_a_side_road(chapter: Chapter) -> None:
    """A heading with no task below it: a reader who passes by misses nothing that is asked."""
    cells = chapter.source.cells
    for number, cell in enumerate(cells):
        if FOLDED not in cell.metadata:
            continue
        level = re.match(r"(#{3,}) .*side road", cell.source)
        assert level, f"{cell.id} is not the heading of a side road"
        for below in cells[number + 1 :]:
            if below.cell_type == "markdown" and re.match(rf"#{{1,{len(level[1])}}} ", below.source):
                break
            assert not marks(below), f"{below.id} is folded away below {cell.id}"


def test_cell_ids(chapter: Chapter) -> None:
    """Readable and stable: words, not what an editor makes up."""
    ids = [cell.id for cell in chapter.source.cells]
    assert len(set(ids)) == len(ids), "an id occurs twice"
    for name in ids:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name), name
        assert not re.fullmatch(r"[0-9a-f-]{8,}", name), f"{name} looks made up"


# Tasks


def between(source: str, marks_of: tuple[str, str]) -> list[tuple[int, int]]:
    """Line numbers of the delimited parts. Fails when they are not in pairs."""
    lines = [line.strip() for line in source.splitlines()]
    begins = [n for n, line in enumerate(lines) if line == marks_of[0]]
    ends = [n for n, line in enumerate(lines) if line == marks_of[1]]
    assert len(begins) == len(ends), f"{marks_of[0]} and its end are no pairs"
    assert all(begin < end - 1 for begin, end in zip(begins, ends, strict=True)), "nothing between the marks"
    return list(zip(begins, ends, strict=True))


def test_marks_are_those_of_nbgrader(chapter: Chapter) -> None:
    for cell in chapter.source.cells:
        found = marks(cell)
        if not found:
            assert "nbgrader" not in cell.metadata, cell.id
            continue
        assert set(found) <= MARKS, cell.id
        assert found["schema_version"] == 3, cell.id
        assert found["task"] is False, cell.id
        assert found["grade"] is not found["solution"], f"{cell.id} is a task's cell or a test, not both"
        assert found["locked"] is found["grade"], cell.id
        assert ("points" in found) is found["grade"], cell.id


def test_each_task_is_a_solution_then_its_test(chapter: Chapter) -> None:
    cells = chapter.source.cells
    for number, cell in enumerate(cells):
        if is_test(cell):
            before, found = marks(cells[number - 1]), marks(cell)
            assert before.get("solution") is True, f"{cell.id}: its solution cell must stand before it"
            assert found["grade_id"] == f"test-{before['grade_id']}"
            assert cell.source.startswith(f'with check("{before["grade_id"]}"'), cell.id
            assert isinstance(found["points"], int), cell.id
            assert found["points"] > 0, cell.id
    assert [task.solution_id for task in chapter.tasks] == [task.id for task in chapter.tasks]
    solutions = [cell for cell in cells if marks(cell).get("solution")]
    assert len(solutions) == len(chapter.tasks), "a solution cell has no test"


def test_each_task_is_announced(chapter: Chapter) -> None:
    text = "\n".join(prose(chapter))
    for task in chapter.tasks:
        assert f"**Task: {task.id}.**" in text


def test_solutions_are_delimited(chapter: Chapter) -> None:
    for cell in code(chapter):
        parts = between(cell.source, SOLUTION)
        assert len(parts) == (1 if marks(cell).get("solution") else 0), cell.id


def test_tests_hold_a_check_and_nothing_else(chapter: Chapter) -> None:
    for cell in filter(is_test, code(chapter)):
        tree = ast.parse(cell.source)
        assert len(tree.body) == 1, f"{cell.id}: one `with check(...)` and nothing else"
        block = tree.body[0]
        assert isinstance(block, ast.With), cell.id
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        used = {node.id for node in names} - made
        assert used == {"check"}, f"{cell.id} uses {used}: a test has no variables"
        assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree)), cell.id


def test_tests_show_something_and_hide_something(chapter: Chapter) -> None:
    for cell in code(chapter):
        parts = between(cell.source, HIDDEN)
        if not is_test(cell):
            assert not parts, f"{cell.id}: hidden tests outside a test cell"
            continue
        assert len(parts) == 1, f"{cell.id}: no hidden tests"
        begin, end = parts[0]
        lines = cell.source.splitlines()
        visible = lines[:begin] + lines[end + 1 :]
        ast.parse("\n".join(visible))  # without its hidden tests it must still be a program
        assert sum("engine." in line or "box." in line for line in visible) >= 2, (
            f"{cell.id}: too little to see"
        )


def test_what_needs_the_engines_configuration_is_marked(chapter: Chapter) -> None:
    """So that it is not reached, and not failed, on a Docker of the student's own; and nothing else is."""
    for task in chapter.tasks:
        solution = next(cell.source for cell in code(chapter) if marks(cell).get("grade_id") == task.id)
        configures = "configure(" in solution or "RegistryConfig" in task.test_source
        assert task.private is configures, task.id


def test_the_images_that_a_chapter_starts_from_are_listed(chapter: Chapter) -> None:
    names = docker_archive.names()
    source = "\n".join(cell.source for cell in code(chapter))
    used = {image for name in re.findall(r'\bscene\("([^"]+)"\)', source) for image in scenes.IMAGES[name]}
    for repository in {name.partition(":")[0] for name in names}:
        for found in re.finditer(rf"(?<![\w/.-]){repository}(?::([\w.-]+))?(?![\w/-])", source):
            used.add(f"{repository}:{found[1] or 'latest'}")
    # Cells also name what no course image has, to see it refused.
    assert set(chapter.images) == used & set(names)
    assert len(set(chapter.images)) == len(chapter.images)
