"""Reassembled: whatever a submission says of itself, the instructor's tests run, each once, in its place."""

from __future__ import annotations

import copy

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell

from grader.grading.judge.reassemble import MOST_PICTURES, reassemble
from grader.grading.judge.recognise import strip_hidden_tests
from tests.grading import tiny

TESTS = {"test-greeter", "test-sum"}


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    return tiny.make_course(tmp_path_factory.mktemp("reassemble") / "course").chapter("ch01")


@pytest.fixture
def notebook(chapter):
    return tiny.student_notebook(chapter, "greeter", "sum")


def order(reassembled):
    """What runs, as task ids of tests and first lines of student cells."""
    return [step.task.id if step.task else step.source.split("\n")[0] for step in reassembled.steps]


def said(reassembled):
    return " | ".join(note.text for note in reassembled.notes)


GREET, ADD = "forget_greeter = [box", "total = 6 * 7"


def shape(reassembled):
    short = {"%load_ext grader": "setup", ADD: "add"}
    return [short.get(step, "greet" if step.startswith(GREET) else step) for step in order(reassembled)]


def assert_trusted(reassembled, chapter):
    """Each task's test exactly once, with the instructor's text; nothing hidden in what is shown."""
    tests = [step for step in reassembled.steps if step.task]
    assert sorted(step.task.id for step in tests) == sorted(task.id for task in chapter.tasks)
    assert all(step.source == chapter.task(step.task.id).test_source for step in tests)
    assert "salve orbis" not in "".join(reassembled.notebook.cells[step.index].source for step in tests)
    nbformat.validate(reassembled.notebook)


def test_an_honest_notebook_runs_as_it_stands(chapter, notebook):
    reassembled = reassemble(notebook, chapter)
    assert shape(reassembled) == ["setup", "greet", "greeter", "add", "sum"]
    assert not reassembled.notes
    assert_trusted(reassembled, chapter)


def test_hidden_regions_are_cut_by_nbgraders_rule():
    assert strip_hidden_tests("a\n    ### BEGIN HIDDEN TESTS\nb\n    ### END HIDDEN TESTS\nc") == "a\nc"


def test_a_deleted_test_runs_behind_its_solution_and_what_was_added_there(chapter, notebook):
    notebook.cells.remove(tiny.cell(notebook, "test-greeter"))
    at = notebook.cells.index(tiny.cell(notebook, "greeter")) + 1
    notebook.cells.insert(at, new_code_cell("more = 1"))
    reassembled = reassemble(notebook, chapter)
    assert shape(reassembled) == ["setup", "greet", "more = 1", "greeter", "add", "sum"]
    assert (
        said(reassembled) == "test cell 'test-greeter' is not in the notebook; the instructor's was put back"
    )
    assert_trusted(reassembled, chapter)


def test_deleted_with_its_solution_it_runs_at_the_end(chapter, notebook):
    for grade_id in ("greeter", "test-greeter"):
        notebook.cells.remove(tiny.cell(notebook, grade_id))
    assert shape(reassemble(notebook, chapter)) == ["setup", "add", "sum", "greeter"]


def test_an_empty_notebook_still_meets_every_test(chapter):
    empty = nbformat.v4.new_notebook()
    assert order(reassemble(empty, chapter)) == ["greeter", "sum"]
    assert order(reassemble(None, chapter)) == ["greeter", "sum"]


def test_a_changed_test_is_the_instructors_again(chapter, notebook):
    tiny.cell(notebook, "test-greeter").source = "pass"
    reassembled = reassemble(notebook, chapter)
    assert "changed" in said(reassembled)
    assert_trusted(reassembled, chapter)


def test_changed_line_ends_are_no_tampering(chapter, notebook):
    cell = tiny.cell(notebook, "test-greeter")
    cell.source = cell.source.replace("\n", "  \r\n") + "\n\n"
    assert not reassemble(notebook, chapter).notes


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_a_retyped_test_runs(chapter, notebook, kind):
    cell = tiny.cell(notebook, "test-greeter")
    cell.cell_type = kind
    reassembled = reassemble(notebook, chapter)
    assert shape(reassembled) == ["setup", "greet", "greeter", "add", "sum"]
    assert said(reassembled) == f"test cell 'test-greeter' is a {kind} cell here; it ran as code"
    assert_trusted(reassembled, chapter)


def test_a_retyped_solution_runs_as_nbgrader_would_run_it(chapter, notebook):
    tiny.cell(notebook, "greeter").cell_type = "markdown"
    assert shape(reassemble(notebook, chapter)) == ["setup", "greet", "greeter", "add", "sum"]


def test_duplicates_run_as_student_code_and_the_test_once(chapter, notebook):
    test = copy.deepcopy(tiny.cell(notebook, "test-greeter"))
    work = copy.deepcopy(tiny.cell(notebook, "greeter"))
    notebook.cells += [work, test]
    reassembled = reassemble(notebook, chapter)
    assert shape(reassembled)[:5] == ["setup", "greet", "greeter", "add", "sum"]
    assert shape(reassembled)[5] == "greet"
    assert len(reassembled.steps) == 7
    assert reassembled.steps[6].task is None
    assert "test cell 'test-greeter' is there more than once" in said(reassembled)
    assert_trusted(reassembled, chapter)


def test_a_test_that_stands_before_its_task_runs_after_it(chapter, notebook):
    early = copy.deepcopy(tiny.cell(notebook, "test-sum"))
    notebook.cells.insert(1, early)
    reassembled = reassemble(notebook, chapter)
    # The copy that was first goes behind the task; the other one is student code.
    assert shape(reassembled)[:5] == ["setup", "greet", "greeter", "add", "sum"]
    assert [step.task.id for step in reassembled.steps if step.task] == ["greeter", "sum"]
    assert "was before its task" in said(reassembled)
    assert_trusted(reassembled, chapter)


@pytest.mark.parametrize("edit", ["strip", "rename", "swap"])
def test_marks_say_only_where_a_test_stands(chapter, notebook, edit):
    one, two = tiny.cell(notebook, "test-greeter"), tiny.cell(notebook, "test-sum")
    if edit == "strip":
        one.metadata.clear()
    elif edit == "rename":
        one.metadata.nbgrader.grade_id = "mine"
    else:
        one.metadata.nbgrader.grade_id, two.metadata.nbgrader.grade_id = "test-sum", "test-greeter"
    reassembled = reassemble(notebook, chapter)
    assert shape(reassembled) == ["setup", "greet", "greeter", "add", "sum"]
    assert "test cell 'test-greeter' has lost its mark" in said(reassembled)
    assert_trusted(reassembled, chapter)


def test_without_marks_and_ids_a_test_is_found_by_its_text(chapter, notebook):
    for cell in notebook.cells:
        cell.metadata.clear()
        cell.pop("id")
    reassembled = reassemble(notebook, chapter)
    assert shape(reassembled) == ["setup", "greet", "greeter", "add", "sum"]
    assert_trusted(reassembled, chapter)


def test_points_and_tags_and_outputs_of_a_submission_are_dropped(chapter, notebook):
    test = tiny.cell(notebook, "test-greeter")
    test.metadata.nbgrader.points = 1000
    test.metadata.tags = ["skip-execution"]
    tiny.cell(notebook, "greeter").outputs = [nbformat.v4.new_output("stream", text="mine")]
    reassembled = reassemble(notebook, chapter)
    assert tiny.cell(reassembled.notebook, "test-greeter").metadata.nbgrader.points == 3
    assert all("tags" not in cell.metadata for cell in reassembled.notebook.cells)
    assert not any(cell.get("outputs") for cell in reassembled.notebook.cells)
    assert "skip-execution" in said(reassembled)


def test_a_solution_that_claims_to_be_a_test_brings_no_points(chapter, notebook):
    cell = new_code_cell("1000000", metadata=copy.deepcopy(tiny.cell(notebook, "test-greeter").metadata))
    cell.metadata.nbgrader.grade_id = "bonus"
    notebook.cells.append(cell)
    reassembled = reassemble(notebook, chapter)
    assert_trusted(reassembled, chapter)
    assert "nbgrader" not in reassembled.notebook.cells[-1].metadata


def test_a_locked_cell_gets_its_text_back(tmp_path):
    def lock(notebook):
        tiny_cell = notebook.cells[1]
        tiny_cell.metadata = tiny._marks("setup", locked=True)

    course = tiny.make_course(tmp_path / "course")
    path = course.chapter("ch01").notebook
    source = nbformat.read(path, as_version=4)
    lock(source)
    nbformat.write(source, path)
    chapter = type(course).read(course.root).chapter("ch01")
    notebook = tiny.student_notebook(chapter)
    tiny.cell(notebook, "setup").source = "import evil"
    assert order(reassemble(notebook, chapter))[0] == "%load_ext grader"


@pytest.mark.parametrize(
    "broken",
    [
        {"cell_type": "code"},
        {"cell_type": "heading", "source": "x"},
        {"source": "x"},
        {"cell_type": "code", "source": 5},
        "text",
        None,
        ["list"],
        {"cell_type": "code", "source": ["a", 5]},
    ],
)
def test_what_is_no_cell_is_left_out_and_said(chapter, notebook, broken):
    notebook["cells"].insert(2, broken)
    reassembled = reassemble(notebook, chapter)
    assert "not a notebook cell" in said(reassembled)
    assert shape(reassembled) == ["setup", "greet", "greeter", "add", "sum"]


@pytest.mark.parametrize(
    "metadata",
    [[], "x", {"nbgrader": []}, {"nbgrader": {"grade_id": 5}}, {"nbgrader": {"grade_id": None}}, {"tags": 7}],
)
def test_nonsense_metadata_is_no_metadata(chapter, notebook, metadata):
    notebook.cells.append(nbformat.from_dict({"cell_type": "code", "source": "x = 1", "metadata": metadata}))
    reassembled = reassemble(notebook, chapter)
    assert order(reassembled)[-1] == "x = 1"
    assert_trusted(reassembled, chapter)


def test_a_lone_surrogate_does_not_reach_the_kernel(chapter, notebook):
    tiny.cell(notebook, "sum").source = "x = '\ud800'"
    (step,) = [s for s in reassemble(notebook, chapter).steps if s.source.startswith("x =")]
    step.source.encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_shuffle_of_cells_and_marks_loses_or_repeats_a_test(chapter, data):
    notebook = tiny.student_notebook(chapter, "greeter")
    pick = st.sampled_from(range(len(notebook.cells)))
    chosen = data.draw(st.lists(pick, max_size=12))
    cells = [copy.deepcopy(notebook.cells[index]) for index in chosen]
    for cell in cells:
        cell.cell_type = data.draw(st.sampled_from(["code", "markdown", "raw"]))
        grade_id = data.draw(st.sampled_from(["greeter", "test-greeter", "test-sum", "other", ""]))
        cell.metadata = {"nbgrader": {"grade_id": grade_id, "points": data.draw(st.integers())}}
    notebook.cells = cells
    assert_trusted(reassemble(notebook, chapter), chapter)


PICTURE = {"a.png": {"image/png": "iVBORw0="}}


def test_pasted_pictures_stay_in_the_students_text_and_in_the_instructors(tmp_path):
    course = tiny.make_course(tmp_path / "course")
    path = course.chapter("ch01").notebook
    source = nbformat.read(path, as_version=4)
    source.cells[0].metadata = tiny._marks("title", locked=True)
    source.cells[0].attachments = nbformat.from_dict(PICTURE)
    nbformat.write(source, path)
    chapter = type(course).read(course.root).chapter("ch01")
    notebook = tiny.student_notebook(chapter)
    notebook.cells[0].attachments = nbformat.from_dict({"a.png": {"image/png": "AAAA"}})
    notebook.cells.append(new_markdown_cell("![a](attachment:a.png)", attachments=PICTURE))
    notebook.cells[-1].attachments["evil"] = {"text/html": "<script>", "image/png": '"><script>'}
    cells = reassemble(notebook, chapter).notebook.cells
    assert cells[0].attachments == PICTURE
    assert cells[-1].attachments == PICTURE


@pytest.mark.parametrize("odd", [[], "x", {"a": 5}, {"a": {"image/png": 5}}, {"a": {"image/png": [5]}}, None])
def test_odd_attachments_are_none(chapter, notebook, odd):
    notebook.cells.append(new_markdown_cell("x"))
    notebook.cells[-1]["attachments"] = odd
    assert "attachments" not in reassemble(notebook, chapter).notebook.cells[-1]


def test_of_thousands_of_pictures_some_are_kept(chapter, notebook):
    for _ in range(3):
        many = {f"{number}.png": PICTURE["a.png"] for number in range(MOST_PICTURES - 100)}
        notebook.cells.append(new_markdown_cell("x", attachments=many))
    grafted = reassemble(notebook, chapter)
    kept = [len(cell.get("attachments", {})) for cell in grafted.notebook.cells[-3:]]
    assert kept == [MOST_PICTURES - 100, 100, 0]
    assert "of pasted pictures the first 500 are shown" in [note.text for note in grafted.notes]


def test_lines_of_a_picture_are_one_text(chapter, notebook):
    notebook.cells.append(new_markdown_cell("x"))
    notebook.cells[-1]["attachments"] = {"a.png": {"image/png": ["iVBO", "Rw0="]}}
    assert reassemble(notebook, chapter).notebook.cells[-1].attachments == PICTURE


# -- bounds


def test_thousands_of_cells_are_left_out_and_the_chapters_own_stay(notebook, chapter):
    work = [cell for cell in notebook.cells if cell.metadata.get("nbgrader")]
    notebook.cells = [*(new_code_cell(f"x = {n}") for n in range(4000)), *notebook.cells]
    reassembled = reassemble(notebook, chapter)
    assert_trusted(reassembled, chapter)
    assert len(reassembled.steps) < 600
    assert {"greet", "add", "greeter", "sum"} <= set(shape(reassembled))
    assert "cells besides the graded ones; the first" in said(reassembled)
    assert len(work) == 4


def test_a_list_of_millions_that_are_no_cells_is_short_work(chapter):
    reassembled = reassemble(nbformat.NotebookNode(cells=[{}] * 1_000_000), chapter)
    assert_trusted(reassembled, chapter)
    assert len(reassembled.notes) < 20
    assert "has 1,000,000 cells" in said(reassembled)


@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_a_long_cell_runs_whole_and_is_shown_in_part(notebook, chapter, kind):
    long = "total = 6 * 7\n" + "# more\n" * 300_000
    cell = tiny.cell(notebook, "sum") if kind == "code" else notebook.cells[0]
    cell.source = long
    reassembled = reassemble(notebook, chapter)
    shown = next(cell for cell in reassembled.notebook.cells if "not shown" in cell.source)
    assert len(shown.source) < 51_000
    assert "2,100,014 characters long; 50,000 of them are shown" in said(reassembled)
    assert kind == "markdown" or long in [step.source for step in reassembled.steps]


def colab(notebook):
    """Google Colab: marks gone, ids of its own, outputs in its own metadata, one line end less."""
    for at, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = nbformat.NotebookNode(id=f"Xa{at}_-b", colab={}), f"c{at}"
        cell.source = cell.source.rstrip()
    notebook.metadata = nbformat.NotebookNode(colab={"provenance": []})


def deepnote(notebook):
    """Deepnote: marks replaced by its own, ids as long as UUIDs, blanks at line ends."""
    for at, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.NotebookNode(cell_id=f"{at:032x}", deepnote_cell_type=cell.cell_type)
        cell.id = f"{at:032x}"
        cell.source = cell.source.replace("\n", " \n")


def merged(notebook):
    """Two branches put together: cells twice and out of order, some under new ids."""
    again = [copy.deepcopy(cell) for cell in notebook.cells[3:6]]
    for at, cell in enumerate(again):
        cell.id = f"again-{at}"
    notebook.cells[2:2] = [notebook.cells.pop(-2), *again]


def without_ids(notebook):
    for cell in notebook.cells:
        del cell["id"]
    notebook.nbformat_minor = 4


def swapped_marks(notebook):
    one, two = tiny.cell(notebook, "test-greeter"), tiny.cell(notebook, "test-sum")
    one.metadata, two.metadata = two.metadata, one.metadata


@pytest.mark.parametrize("edit", [colab, deepnote, merged, without_ids, swapped_marks])
def test_what_editors_and_merges_do_is_no_tampering(chapter, notebook, edit):
    edit(notebook)
    reassembled = reassemble(notebook, chapter)
    assert "tampered" not in said(reassembled)
    assert_trusted(reassembled, chapter)
    by_task = shape(reassembled)
    assert by_task.index("greet") < by_task.index("greeter")
    assert by_task.index("add") < by_task.index("sum")


def test_changed_text_is_tampering(chapter, notebook):
    tiny.cell(notebook, "test-sum").source = "with check('sum'): pass"
    assert said(reassemble(notebook, chapter)).startswith("tampered: test cell 'test-sum' was changed")
