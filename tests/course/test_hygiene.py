"""Every chapter's notebook as a thing to read: its form, its metadata, its words. No engine is needed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import nbformat
import pytest
from nbformat import NotebookNode
from nbval.plugin import get_sanitize_patterns

from grader.course import Chapter, Course, is_test, marks
from grader.engine.build import docker_archive
from grader.notebook import scenes

ROOT = Path(__file__).parents[2]
COURSE = Course.read(ROOT / "course")
FIRST_CELL = "%load_ext grader\nimport docker\nclient = docker.from_env()"
WORDS, CODE_CELLS, SECTIONS, TASKS = range(1200, 8001), range(20, 60), range(5, 10), range(4, 10)
LINES, TASK_LINES, COLUMNS = 8, 12, 110
BETWEEN = 130
"""Words that a reader meets at most between two cells to run."""
MINUTES = range(20, 61)
PHONE, SMALLEST = 360, 8
"""A figure on a narrow screen: its width and the height of its smallest letters, in pixels."""
TAGS = {"raises-exception", "prepare"}
MARKS = {"schema_version", "task", "grade", "grade_id", "locked", "solution", "points"}
SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")

_PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<to>[^)\s]+)\)")
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<to>[^)\s]*)\)")
_FENCE = re.compile(r"```.*?```", re.DOTALL)


@pytest.fixture(params=COURSE.written, ids=lambda chapter: chapter.id)
def chapter(request: pytest.FixtureRequest) -> Chapter:
    found = request.param
    assert isinstance(found, Chapter)
    return found


def code(chapter: Chapter) -> list[NotebookNode]:
    return [cell for cell in chapter.source.cells if cell.cell_type == "code"]


def prose(chapter: Chapter) -> list[str]:
    return [cell.source for cell in chapter.source.cells if cell.cell_type == "markdown"]


def headings(chapter: Chapter, level: int) -> list[str]:
    text = "\n".join(_FENCE.sub("", cell) for cell in prose(chapter))
    return re.findall(rf"(?m)^#{{{level}}} (.+)$", text)


def between(source: str, marks_of: tuple[str, str]) -> list[tuple[int, int]]:
    """Line numbers of the delimited parts. Fails when they are not in pairs."""
    lines = [line.strip() for line in source.splitlines()]
    begins = [n for n, line in enumerate(lines) if line == marks_of[0]]
    ends = [n for n, line in enumerate(lines) if line == marks_of[1]]
    assert len(begins) == len(ends), f"{marks_of[0]} and its end are no pairs"
    assert all(begin < end - 1 for begin, end in zip(begins, ends, strict=True)), "nothing between the marks"
    return list(zip(begins, ends, strict=True))


def test_there_is_a_chapter() -> None:
    assert COURSE.written


def test_every_folder_of_the_source_is_a_chapter() -> None:
    folders = {path.name for path in (COURSE.root / "source").iterdir() if path.is_dir()}
    assert folders == {chapter.id for chapter in COURSE.written}


# Form


def test_is_a_valid_notebook_of_the_current_format(chapter: Chapter) -> None:
    nbformat.validate(chapter.source)
    assert (chapter.source.nbformat, chapter.source.nbformat_minor) == (4, 5)


def test_first_code_cell(chapter: Chapter) -> None:
    first = code(chapter)[0]
    assert first.source == FIRST_CELL
    assert not first.metadata


def test_length(chapter: Chapter) -> None:
    words = sum(len(text.split()) for text in prose(chapter))
    assert words in WORDS, f"{words} words"
    assert len(code(chapter)) in CODE_CELLS, f"{len(code(chapter))} code cells"
    assert len(chapter.tasks) in TASKS, f"{len(chapter.tasks)} tasks"


def test_headings(chapter: Chapter) -> None:
    assert headings(chapter, 1) == [chapter.title]
    assert len(headings(chapter, 2)) in SECTIONS, headings(chapter, 2)
    assert chapter.source.cells[0].source.startswith("# ")


def gaps(chapter: Chapter) -> list[tuple[str, int]]:
    """Before each cell to run, the words to read since the last one; what is folded is not counted."""
    found, words = [], 0
    for cell in chapter.source.cells:
        if cell.cell_type == "code":
            found.append((str(cell.id), words))
            words = 0
            continue
        text = re.sub(r"(?s)<details>.*?</details>", "", _FENCE.sub("", cell.source))
        words += len(_LINK.sub(r"\g<text>", _PICTURE.sub("", text)).split())
    return found


def test_a_reader_never_waits_long_for_a_cell_to_run(chapter: Chapter) -> None:
    ending = next(
        cell.id for cell in chapter.source.cells if "forget(" in cell.source and cell.id == "clean-up"
    )
    long = {cell: words for cell, words in gaps(chapter) if words > BETWEEN and cell != ending}
    assert not long, f"more than {BETWEEN} words before {long}"


def test_says_how_long_it_takes(chapter: Chapter) -> None:
    said = re.search(r"About (\d+) minutes", chapter.source.cells[0].source)
    assert said and int(said[1]) in MINUTES, "the first cell has no line such as 'About 45 minutes.'"


def test_the_end_questions_are_answered(chapter: Chapter) -> None:
    ending = "\n".join(prose(chapter)).split("\n## ")[-1]
    asked, _, folded = ending.partition("<details>")
    answers = re.findall(r"(?m)^\d+\. ", folded.partition("</details>")[0])
    assert len(answers) == len(re.findall(r"(?m)^\d+\. ", asked)) > 0, "each question, folded, has its answer"


def test_a_demonstration_shows_more_than_true_or_false(chapter: Chapter) -> None:
    for cell in code(chapter):
        for output in cell.outputs:
            text = str(output.get("text") or output.get("data", {}).get("text/plain", ""))
            assert text.strip() not in ("True", "False"), f"{cell.id}: {text.strip()} is all that it shows"


def test_figures_follow_the_reader(chapter: Chapter) -> None:
    """A dark theme has a dark figure, and a narrow screen has letters that can be read."""
    for path in sorted((chapter.folder / "figures").glob("*.svg")):
        text = path.read_text(encoding="utf-8")
        assert "prefers-color-scheme: dark" in text, f"{path.name} has no colours for a dark theme"
        view = ET.fromstring(text).get("viewBox", "")
        sizes = [float(size) for size in re.findall(r"font-size[:=]\s*[\"']?([\d.]+)", text)]
        sizes += [float(size) for size in re.findall(r"font:[^;]*?([\d.]+)px", text)]
        smallest = min(sizes) * PHONE / float(view.split()[2])
        assert smallest >= SMALLEST, f"{path.name}: letters of {smallest:.1f} pixels on a narrow screen"


def test_ends_with_questions_clean_up_and_further_reading(chapter: Chapter) -> None:
    last = headings(chapter, 2)[-1].casefold()
    assert "question" in last
    ending = "\n".join(prose(chapter)).split("\n## ")[-1].casefold()
    assert "clean-up" in ending
    assert "further reading" in ending
    assert re.search(r"(?m)^1\. .+\?", ending), "no numbered questions"


def test_cells_are_short(chapter: Chapter) -> None:
    for cell in code(chapter):
        most = TASK_LINES if marks(cell) else LINES
        lines = cell.source.splitlines()
        assert 1 <= len(lines) <= most, f"{cell.id}: {len(lines)} lines"
        assert max(map(len, lines)) <= COLUMNS, f"{cell.id}: a line of {max(map(len, lines))} characters"


def test_prose_stands_before_every_code_cell_that_begins_something(chapter: Chapter) -> None:
    """Prose, a short cell, prose: never more than two code cells in a row."""
    run = 0
    for cell in chapter.source.cells:
        run = run + 1 if cell.cell_type == "code" else 0
        assert run <= 2, f"{cell.id} is the third code cell in a row"


# Metadata


def test_notebook_metadata(chapter: Chapter) -> None:
    assert chapter.source.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_cell_metadata(chapter: Chapter) -> None:
    for cell in chapter.source.cells:
        assert set(cell.metadata) <= {"nbgrader", "tags"}, f"{cell.id}: {sorted(cell.metadata)}"
        assert set(cell.metadata.get("tags", ())) <= TAGS, cell.id
        assert not cell.get("attachments"), f"{cell.id}: pictures are files in figures/"
        for output in cell.get("outputs", ()):
            assert not output.get("metadata"), f"{cell.id}: its output has metadata"


def test_cell_ids(chapter: Chapter) -> None:
    """Readable and stable: words, not what an editor makes up."""
    ids = [cell.id for cell in chapter.source.cells]
    assert len(set(ids)) == len(ids), "an id occurs twice"
    for name in ids:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name), name
        assert not re.fullmatch(r"[0-9a-f-]{8,}", name), f"{name} looks made up"


# Tasks


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


# Pictures and links


def pictures(chapter: Chapter) -> list[tuple[str, str]]:
    return [(found["alt"], found["to"]) for text in prose(chapter) for found in _PICTURE.finditer(text)]


def test_pictures(chapter: Chapter) -> None:
    """At least one of its own, each with a text in its place that says what it shows."""
    found = pictures(chapter)
    assert found, "no picture"
    assert not any("<img" in text for text in prose(chapter)), "pictures are written as Markdown"
    for alt, to in found:
        assert len(alt.split()) >= 8, f"{to}: say in words what it shows"
        assert re.fullmatch(r"figures/[a-z0-9-]+\.svg", to), to
        assert (chapter.folder / to).is_file(), to
    used = {to for _alt, to in found}
    there = {f"figures/{path.name}" for path in (chapter.folder / "figures").iterdir()}
    assert there == used, "a figure is not used, or is missing"


def test_figures_stand_on_their_own(chapter: Chapter) -> None:
    """Readable on light and dark pages, by eyes and by screen readers; no scripts, nothing from elsewhere."""
    for _alt, to in pictures(chapter):
        root = ET.parse(chapter.folder / to).getroot()
        names = [child.tag.rpartition("}")[2] for child in root.iter()]
        assert root.get("viewBox"), to
        assert {"title", "desc"} <= set(names), f"{to} has no title or no description"
        assert not {"script", "image", "foreignObject"} & set(names), to
        back = next(child for child in root if child.tag.endswith("}rect"))
        assert back.get("fill", "none").startswith("#"), f"{to} needs a background of its own"
        sizes = [float(child.get("font-size", "14")) for child in root.iter() if child.get("font-size")]
        assert min(sizes) >= 12, f"{to} has small print"


def test_links_are_well_formed(chapter: Chapter) -> None:
    targets = [found["to"] for text in prose(chapter) for found in _LINK.finditer(text)]
    assert any("docs.docker.com" in target for target in targets), "no link to Docker's documentation"
    for target in targets:
        parts = urlsplit(target)
        if parts.scheme:
            assert parts.scheme == "https", target
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), target
        elif parts.path:
            assert (chapter.folder / parts.path).exists(), f"{target} leads nowhere"
    texts = [_LINK.sub("", _FENCE.sub("", text)) for text in prose(chapter)]
    bare = [url for text in texts for url in re.findall(r"(?<![(<`\"])https?://\S+", text)]
    assert not bare, f"bare addresses: {bare}"


# Outputs


def texts_of(output: Any) -> list[str]:
    """All strings that an output shows."""
    if isinstance(output, str):
        return [output]
    if isinstance(output, dict):
        return [text for value in output.values() for text in texts_of(value)]
    if isinstance(output, list):
        return [text for value in output for text in texts_of(value)]
    return []


def test_outputs_are_stored(chapter: Chapter) -> None:
    """Run from top to bottom, once: the counts say so. Nothing failed but what is meant to."""
    counts = [cell.execution_count for cell in code(chapter)]
    assert counts == list(range(1, len(counts) + 1)), "run `dockbook store`"
    for cell in code(chapter):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        assert bool(errors) is ("raises-exception" in cell.metadata.get("tags", ())), cell.id
        for output in cell.outputs:
            if output.output_type == "execute_result":
                assert output.execution_count == cell.execution_count, cell.id
        if is_test(cell):
            shown = " ".join(text for output in cell.outputs for text in texts_of(output))
            assert f"{marks(cell)['grade_id'].removeprefix('test-')}: passed" in shown, cell.id


def test_cells_that_end_in_a_value_show_it(chapter: Chapter) -> None:
    """An expression, a `print` or a `!` line has its output stored."""
    for cell in code(chapter):
        last = cell.source.splitlines()[-1]
        if marks(cell) or cell.source == FIRST_CELL or last.startswith(("forget(", "scene(")):
            continue
        if last.startswith(("!", "print(")) or not re.match(r"\S+ = |from |import |\s", last):
            assert cell.outputs, f"{cell.id} has no output stored"


def test_outputs_hold_nothing_of_the_machine_they_came_from(chapter: Chapter) -> None:
    """No paths, addresses or ids but those that nbval's sanitizer hides."""
    patterns = get_sanitize_patterns((COURSE.root / "nbval.cfg").read_text(encoding="utf-8"))
    for cell in code(chapter):
        for output in cell.outputs:
            for text in texts_of(output):
                assert "\r\n" not in text, f"{cell.id}: line ends of a terminal"
                assert "\x1b" not in text, f"{cell.id}: colours of a terminal"
                for regex, replacement in patterns:
                    text = re.sub(regex, replacement, text)  # noqa: PLW2901 - step by step, as nbval does
                found = re.findall(
                    r"/(?:home|root|tmp|opt(?!/webapp)|work|Users|run|var)/|\b[0-9a-f]{12,}\b|"
                    # /opt/webapp is in an image, "every interface" and "this machine" are on all of them.
                    r"\b(?!0\.0\.0\.0\b|127\.0\.0\.1\b)\d+\.\d+\.\d+\.\d+\b",
                    text,
                )
                assert not found, f"{cell.id}: {found} in an output"
                assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text), f"{cell.id}: a date in an output"


# Words


def test_spelling(chapter: Chapter, tmp_path: Path) -> None:
    """codespell over prose and code; words that it takes for mistakes stand in course/words.txt."""
    page = tmp_path / f"{chapter.id}.txt"
    page.write_text("\n\n".join(cell.source for cell in chapter.source.cells), encoding="utf-8")
    figures = [str(chapter.folder / to) for _alt, to in pictures(chapter)]
    command = [sys.executable, "-m", "codespell_lib", "--builtin", "clear,rare,informal"]
    words = COURSE.root / "words.txt"
    ran = subprocess.run(
        [*command, "--ignore-words", str(words), str(page), *figures],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_plain_language(chapter: Chapter) -> None:
    """Friendly and exact: none of the words that make a reader feel slow, no exclamation marks."""
    for text in prose(chapter):
        plain = re.sub(r"`[^`]*`", "", _PICTURE.sub("", _FENCE.sub("", text)))
        found = re.findall(
            r"(?i)\b(?:simply|obviously|of course|trivial(?:ly)?|easy|easily|just do)\b", plain
        )
        assert not found, f"{found} in: {plain[:80]}"
        assert "!" not in plain, plain[:80]
