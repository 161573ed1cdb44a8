"""The course model: where a course is found, and what is read from chapters.toml and the notebooks."""

from __future__ import annotations

import nbformat
import pytest

from grader import variables
from grader.cli.engine_options import find_course
from grader.course import Course
from grader.errors import CourseError, NoCourse
from tests.grading import tiny


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.delenv(variables.COURSE, raising=False)
    return tiny.make_course(tmp_path / "course")


def test_the_repository_course_lists_seven_chapters_in_order():
    course = Course.find(tiny.REPOSITORY)
    assert [chapter.id for chapter in course.chapters] == [
        "ch01-overview",
        "ch02-installation",
        "ch03-using-docker",
        "ch04-containers",
        "ch05-images",
        "ch06-connecting",
        "ch07-questions",
    ]
    assert all(chapter.title for chapter in course.chapters)


def test_found_by_path_by_variable_and_from_below(course, tmp_path, monkeypatch):
    assert Course.find(course.root).root == course.root
    assert Course.find(tmp_path).root == course.root
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert Course.find().root == course.root
    monkeypatch.chdir("/")
    monkeypatch.setenv(variables.COURSE, str(tmp_path))
    assert Course.find().root == course.root


def test_a_named_place_without_a_course_is_not_passed_over(course, tmp_path, monkeypatch):
    monkeypatch.chdir(course.root)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv(variables.COURSE, str(tmp_path / "empty"))
    with pytest.raises(CourseError, match="not a course folder"):
        Course.find()
    with pytest.raises(CourseError, match="not a course folder"):
        Course.find(tmp_path / "nowhere")


def test_chapters_by_short_and_full_name(course):
    assert course.chapter("ch01").id == course.chapter("ch01-tiny").id == course.chapter("ch01-tiny/").id
    with pytest.raises(CourseError, match=r"did you mean ch01-tiny") as caught:
        course.chapter("ch01-tinny")
    assert caught.value.exit_code == 2


def test_a_chapter_without_a_notebook_is_not_written_yet(course):
    later = course.chapter("ch02")
    assert not later.written
    assert later not in course.written
    with pytest.raises(CourseError, match="not written yet"):
        later.require()
    with pytest.raises(CourseError, match="not written yet"):
        _ = later.tasks


def test_tasks_come_from_the_source_with_points_answers_and_hidden_tests(course):
    greeter, total = course.chapter("ch01").tasks
    assert (greeter.id, greeter.points, greeter.test_id, greeter.solution_id) == (
        "greeter",
        3,
        "test-greeter",
        "greeter",
    )
    assert "salve orbis" in greeter.test_source
    assert greeter.answers == ()
    assert total.answers == ("total",)
    assert course.chapter("ch01").max_score == 5
    assert "docker.from_env" in course.chapter("ch01").setup
    with pytest.raises(CourseError, match="did you mean greeter"):
        course.chapter("ch01").task("greter")


def rewrite(course, edit):
    path = course.chapter("ch01").notebook
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)
    return Course.read(course.root).chapter("ch01")


def test_after_is_read_as_one_name_or_several(course):
    def edit(notebook):
        tiny.cell(
            notebook, "test-sum"
        ).source = 'with check("sum", after=["greeter", "x"]) as engine:\n    pass'

    assert rewrite(course, edit).tasks[1].after == ("greeter", "x")


@pytest.mark.parametrize(
    ("mark", "private"), [(", private=True", True), ("", False), (", private=False", False)]
)
def test_whether_it_needs_a_private_engine_is_read(course, mark, private):
    def edit(notebook):
        tiny.cell(notebook, "test-sum").source = f'with check("sum"{mark}) as engine:\n    pass'

    assert rewrite(course, edit).tasks[1].private is private


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("!docker ps", "not plain Python"),
        ("assert True", "exactly one"),
        ('with check("a"):\n    pass\nwith check("b"):\n    pass', "exactly one"),
        ('with check("greeter"):\n    pass', "has two tests"),
    ],
)
def test_a_test_cell_that_could_not_be_graded_is_refused(course, source, said):
    def edit(notebook):
        tiny.cell(notebook, "test-sum").source = source

    with pytest.raises(CourseError, match=said):
        _ = rewrite(course, edit).tasks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[chapter]\n", "cannot be read"),
        ("", "lists no"),
        ('[[chapter]]\nid = "../x"\ntitle = "X"\n', "not usable"),
        ('[[chapter]]\nid = "ch01"\n', "'ch01' has no title"),
        ('[chapter]\nid = "ch01"\ntitle = "X"\n', "chapter is not a list"),
        ('[[chapter]]\nid = "a"\ntitle = "A"\n[[chapter]]\nid = "a"\ntitle = "B"\n', "two chapters"),
        ('[[chapter]]\nid = "a"\ntitle = "A"\nimages = "busybox"\n', "images = 'busybox'"),
        ('[limits]\ncell_s = 0\n[[chapter]]\nid = "a"\ntitle = "A"\n', "cell_s = 0"),
        ('[limits]\nspeed = 1\n[[chapter]]\nid = "a"\ntitle = "A"\n', "speed"),
    ],
)
def test_a_broken_chapters_toml_is_one_line_with_the_next_step(course, text, said):
    (course.root / "chapters.toml").write_text(text)
    with pytest.raises(CourseError, match=said) as caught:
        Course.read(course.root)
    assert caught.value.next_step


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16"])
def test_chapters_toml_and_a_source_are_read_as_windows_editors_save_them(course, code):
    for path in (course.root / "chapters.toml", course.chapter("ch01").notebook):
        path.write_bytes(path.read_text().replace("\n", "\r\n").encode(code))
    again = Course.read(course.root)
    assert [task.id for task in again.chapter("ch01").tasks] == ["greeter", "sum"]


@pytest.mark.parametrize("fault", ["text", "folder", "link"])
def test_a_faulty_course_is_not_passed_over_for_another(course, monkeypatch, fault):
    """What was meant is the course that is here: the clone's own, or a shipped one, is another."""
    path = course.root / "chapters.toml"
    path.unlink()
    if fault == "text":
        path.write_text('[[chapter]]\nid = "Exam_1"\ntitle = "x"\n')
    elif fault == "folder":
        path.mkdir()
    else:
        path.symlink_to("/nowhere/at/all")
    for place in (course.root, course.root.parent, course.root / "source"):
        monkeypatch.chdir(place)
        for writes in (False, True):
            with pytest.raises(CourseError) as caught:
                find_course(writes=writes)
            assert not isinstance(caught.value, NoCourse)
            assert str(path) in str(caught.value)


def test_without_a_course_the_clones_own_is_read_and_never_written(tmp_path, monkeypatch):
    monkeypatch.delenv(variables.COURSE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert find_course().root == tiny.REPOSITORY / "course"
    with pytest.raises(NoCourse, match=r"name it with --course"):
        find_course(writes=True)


def test_a_chapters_own_limits_win(course):
    path = course.root / "chapters.toml"
    path.write_text(path.read_text() + "\n[chapter.limits]\ncell_s = 7\n")
    again = Course.read(course.root)
    assert again.chapter("ch02").limits.cell_s == 7
    assert again.chapter("ch02").limits.total_s == 60
    assert again.chapter("ch01").limits.cell_s == 20


def test_an_unreadable_source_notebook_is_a_course_error(course):
    course.chapter("ch01").notebook.write_text('{"cells": [')
    with pytest.raises(CourseError, match="cannot be read"):
        _ = course.chapter("ch01").tasks
