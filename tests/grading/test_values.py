"""Values of a student's own, through a whole trusted run: the kernel and the hidden test have the same."""

from __future__ import annotations

import nbformat
import pytest

from grader.expect import StudentValues
from grader.grading.judge.run import grade_submission, sandbox_factory
from grader.grading.judge.submission import read_submission
from tests.grading import tiny

TEST = """\
with check("sum") as engine:
    said = engine.answer("total")
    ### BEGIN HIDDEN TESTS
    said.equals(engine.mine.port("sum"))
    ### END HIDDEN TESTS"""


AS_BOB = "import os\nos.environ['DOCKBOOK_STUDENT'] = 'bob'"


@pytest.mark.parametrize(
    ("work", "outcome"),
    [
        ("total = mine.port('sum')", "passed"),
        (f"total = {StudentValues('ada').port('sum')}", "passed"),
        (f"total = {StudentValues('').port('sum')}", "failed"),
        (
            "import os\nos.environ['DOCKBOOK_STUDENT'] = 'bob'\n%reload_ext grader\ntotal = mine.port('sum')",
            "failed",
        ),
    ],
    ids=["asked", "read", "the-source's", "somebody-else's"],
)
def test_the_trusted_run_has_the_students_own_values(tmp_path, engine_image, work, outcome):
    course = tiny.make_course(tmp_path / "course")
    chapter = course.chapter(tiny.CHAPTER)
    source = nbformat.read(chapter.notebook, as_version=4)
    tiny.cell(source, "test-sum").source = TEST
    nbformat.write(source, chapter.notebook)
    chapter = type(course).read(course.root).chapter(tiny.CHAPTER)
    submitted = tiny.student_notebook(chapter)
    tiny.cell(submitted, "sum").source = work
    folder = tmp_path / "submitted" / "ada" / tiny.CHAPTER
    folder.mkdir(parents=True)
    nbformat.write(submitted, folder / chapter.notebook.name)
    result = grade_submission(
        chapter, read_submission(folder, chapter, "ada"), sandbox_factory(chapter.limits)
    )
    by_task = {task.task: task for task in result.tasks}
    assert by_task["sum"].outcome == outcome, by_task["sum"]
    assert str(StudentValues("ada").port("sum")) not in " ".join(by_task["sum"].words())


RETAG = """\
client.images.get("hello-world").tag("busybox", "latest")
greeter = client.containers.create("busybox", name="greeter")
"""


def test_a_tag_given_by_a_student_names_no_course_image(tmp_path, engine_image):
    course = tiny.make_course(tmp_path / "course")
    chapter = course.chapter(tiny.CHAPTER)
    source = nbformat.read(chapter.notebook, as_version=4)
    tiny.cell(
        source, "test-greeter"
    ).source = 'with check("greeter") as engine:\n    engine.container("greeter").uses_image("busybox")'
    nbformat.write(source, chapter.notebook)
    chapter = type(course).read(course.root).chapter(tiny.CHAPTER)
    submitted = tiny.student_notebook(chapter)
    tiny.cell(submitted, "greeter").source = RETAG
    folder = tmp_path / "submitted" / "ada" / tiny.CHAPTER
    folder.mkdir(parents=True)
    nbformat.write(submitted, folder / chapter.notebook.name)
    result = grade_submission(
        chapter, read_submission(folder, chapter, "ada"), sandbox_factory(chapter.limits)
    )
    (greeter,) = (task for task in result.tasks if task.task == "greeter")
    assert greeter.outcome == "failed"
    assert "now belongs to another image" in str(greeter.findings)
