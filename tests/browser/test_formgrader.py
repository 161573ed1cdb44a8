"""The formgrader as an instructor meets it: trusted verdicts by its buttons, grades and comments by hand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from playwright.sync_api import Browser, Locator, Page, expect

from grader.course import Chapter, Course
from grader.grading.demo import cheat, solve, submit_notebook
from grader.grading.gradebook import Books
from grader.grading.journal import Journal
from grader.grading.verdicts import Verdicts
from tests.browser.access import assert_no_serious_fault
from tests.browser.lab import DOCKBOOK, Lab, new_page, running_lab, shot
from tests.grading import tiny

ENGINE_MS = 120_000
BREAK_IN = """\
A container is a process. <script>window.brokenIn = "script"</script>
<img src="x" onerror="window.brokenIn = 'onerror'">
<iframe srcdoc="<script>top.brokenIn = 'frame'</script>"></iframe>

[the notes](notes.html) <a href="javascript:window.brokenIn = 'link'">more</a>"""
SHOW = """\
from IPython.display import HTML, Javascript, display
display(HTML("<script>window.brokenIn = 'output'</script>"), Javascript("window.brokenIn = 'js'"))"""
HOLD = """
import sys, time
from pathlib import Path
from grader.course import Course
from grader.grading.lock import course_lock
with course_lock(Course.read(Path(sys.argv[1])), "grade ch01-tiny"):
    print("held", flush=True)
    time.sleep(100)
"""


def make_term(root: Path) -> Course:
    """The tiny course with a written answer besides (4 points), released, and three students' work."""
    course = tiny.make_course(root)
    chapter = course.chapter(tiny.CHAPTER)
    source = nbformat.read(chapter.notebook, as_version=4)
    marks = tiny._marks("why", grade=True, solution=True, points=4, cell_type="markdown")
    text = "### BEGIN SOLUTION\nA process with namespaces of its own.\n### END SOLUTION"
    source.cells.insert(-1, new_markdown_cell(text, id="why-cell", metadata=marks))
    nbformat.write(source, chapter.notebook)
    course = Course.read(root)
    chapter, released = tiny.released(course)

    ann = solve(released, chapter, ["greeter", "sum"])
    tiny.cell(ann, "why").source = BREAK_IN
    ann.cells.insert(2, new_code_cell(SHOW))
    ann.cells.insert(3, new_markdown_cell(BREAK_IN, metadata={"tags": ['"><img src=x onerror=brokenIn=1>']}))
    submitted = submit_notebook(course, chapter, "ann", ann).parent
    (submitted / "notes.html").write_text("<script>alert(1)</script>")
    submit_notebook(course, chapter, "bob", solve(released, chapter, ["sum"]))
    mallory = cheat(released, chapter)
    tiny.cell(mallory, "sum").source = "total = 42"
    submit_notebook(course, chapter, "mallory", mallory)
    return course


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory, engine_image: None) -> Course:
    return make_term(tmp_path_factory.mktemp("formgrader") / "term")


@pytest.fixture(scope="module")
def chapter(term: Course) -> Chapter:
    return term.chapter(tiny.CHAPTER)


@pytest.fixture(scope="module")
def server(term: Course) -> Iterator[Lab]:
    with running_lab(term.root, "formgrader", "--no-browser", "--course", term.root) as server:
        yield server


@pytest.fixture(scope="module")
def opened(server: Lab) -> str:
    """The address that the command prints."""
    return server.wait_for("Formgrader: ", 120)


@pytest.fixture(scope="module")
def page(browser: Browser, opened: str) -> Iterator[Page]:
    page = new_page(browser)
    page.goto(opened)
    yield page
    page.close()


@pytest.fixture(scope="module")
def go(page: Page, opened: str) -> Any:
    """Open a page of the formgrader."""
    base = opened.partition("?")[0]
    return lambda path: page.goto(f"{base}/{path}")


def row(page: Page, student: str) -> Locator:
    """A student's line among the submissions."""
    cell = page.locator("td.student-id", has_text=re.compile(f"^{student}$"))
    return page.locator("#main-table tr", has=cell)


def press(page: Page, student: str, button: str) -> Locator:
    """Press one of a student's buttons; the window that tells what came of it."""
    row(page, student).locator(f".{button} a").click()
    window = page.locator(".modal.in")
    expect(window).to_be_visible(timeout=ENGINE_MS)
    return window


def dismiss(window: Locator) -> None:
    window.locator(".modal-footer button").click()
    expect(window).to_have_count(0)


def grades(course: Course, chapter: Chapter, student: str) -> dict[str, tuple[Any, ...]]:
    """By grade id: the automatic points, a person's, and whether a person is to look."""
    with Books(course).open() as gradebook:
        found = gradebook.find_submission_notebook(chapter.id, chapter.id, student)
        return {one.name: (one.auto_score, one.manual_score, one.needs_manual_grade) for one in found.grades}


def saves(kind: str) -> Callable[[Any], bool]:
    """Whether a response says that a grade or comment is in the gradebook; the page's mark comes earlier."""
    return lambda response: (
        response.request.method == "PUT" and f"/api/{kind}/" in response.url and response.ok
    )


def comment(course: Course, chapter: Chapter, student: str, cell: str) -> str | None:
    with Books(course).open() as gradebook:
        found = gradebook.find_comment(cell, chapter.id, chapter.id, student)
        return found.manual_comment


def run_command(term: Course, *argv: str | Path) -> subprocess.CompletedProcess[str]:
    path = f"{DOCKBOOK.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path}
    return subprocess.run(
        argv, cwd=term.root, env=env, capture_output=True, text=True, timeout=240, check=False
    )


@contextmanager
def another_grader(course: Course) -> Iterator[subprocess.Popen[str]]:
    """A process that is grading in the course."""
    env = {**os.environ, "PYTHONPATH": str(tiny.REPOSITORY)}
    argv = [sys.executable, "-c", HOLD, str(course.root)]
    other = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield other
    finally:
        other.kill()
        other.communicate()


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a redirect to the login page is an answer."""

    def redirect_request(self, *_: Any) -> None:
        return None


def ask(address: str, token: str = "", data: dict[str, Any] | None = None) -> tuple[int, str]:
    """Status and text of an answer, without following it anywhere."""
    headers = {"Authorization": f"token {token}"} if token else {}
    body = json.dumps(data).encode() if data is not None else None
    request = urllib.request.Request(address, data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_answers_on_this_machine_alone_and_asks_for_a_token(opened):
    found = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)formgrader\?token=(\w{48})", opened)
    assert found
    address, token = found.groups()
    assert ask(f"{address}formgrader/api/students", token)[0] == 200
    for wrong in ("", "0" * 48):
        assert ask(f"{address}formgrader/api/students", wrong)[0] in (302, 403)
        assert ask(f"{address}api/contents", wrong)[0] in (302, 403)


@pytest.mark.parametrize("what", ["kernels", "sessions"])
def test_no_kernel_runs_a_students_notebook_out_here(opened, what):
    address, _, token = opened.partition("formgrader?token=")
    for name in ("python3", "", None):
        kernel = {"name": name} if name is not None else {}
        status, said = ask(
            f"{address}api/{what}",
            token,
            {**kernel, "kernel": kernel, "path": "x.ipynb", "type": "notebook", "name": "x"},
        )
        assert status >= 400, said
    assert ask(f"{address}api/kernels", token) == (200, "[]")


def test_the_chapter_and_its_submissions_are_there(page, go, chapter):
    assert page.url.endswith("/formgrader/manage_assignments")
    line = page.locator("#main-table tr", has_text=chapter.id)
    expect(line.locator(".num-submissions")).to_have_text("3")
    shot(page, "formgrader")
    line.locator(".num-submissions a").click()
    for student in ("ann", "bob", "mallory"):
        expect(row(page, student).locator(".status")).to_have_text("needs autograding")


def test_its_button_gives_dockbooks_verdict(page, go, term, chapter):
    go(f"manage_submissions/{chapter.id}")
    window = press(page, "mallory", "autograde")
    expect(window).to_contain_text("Successfully autograded")
    expect(window).to_contain_text("verdict on mallory: 2 of 5 points (greeter failed, sum passed)")
    shot(page, "formgrader-verdict")
    dismiss(window)
    expect(row(page, "mallory").locator(".score")).to_have_text("2 / 9")
    assert grades(term, chapter, "mallory") == {
        "test-greeter": (0, None, False),
        "test-sum": (2, None, False),
        "why": (0, None, False),
    }
    kept = Verdicts(term, chapter).read(Journal(term, chapter).judged("mallory"))
    assert kept
    assert [(task.task, task.outcome) for task in kept.tasks] == [("greeter", "failed"), ("sum", "passed")]


def test_while_somebody_else_grades_it_says_so_and_takes_nothing_away(page, go, term, chapter):
    graded = term.root / "autograded" / "mallory" / chapter.id / chapter.notebook.name
    before = graded.read_bytes()
    go(f"manage_submissions/{chapter.id}")
    with another_grader(term) as other:
        window = press(page, "mallory", "autograde")
        expect(window).to_contain_text("There was an error autograding")
        log = " ".join(window.locator(".panel-warning pre").inner_text().split())
    assert re.fullmatch(
        rf"\[ERROR\] The course .* is being graded by .* \(process {other.pid}, grade {chapter.id}\) since "
        r"\d\d:\d\d\. Next: wait until it ends.*",
        log,
    )
    shot(page, "formgrader-busy")
    dismiss(window)
    expect(row(page, "mallory").locator(".score")).to_have_text("2 / 9")
    assert graded.read_bytes() == before


def test_all_are_autograded_as_its_page_says_and_it_shows_the_gradebooks_scores(page, go, term, chapter):
    go(f"manage_submissions/{chapter.id}")
    # There is no button for all: the page names the command.
    said = page.locator("#collapseOne pre").text_content().strip().splitlines()
    assert said == [f'cd "{term.root}"', f'nbgrader autograde "{chapter.id}"']
    done = run_command(term, "sh", "-c", "\n".join(said))
    assert done.returncode == 0, done.stderr
    assert "verdict on bob: 2 of 5 points (greeter failed, sum passed)" in done.stderr
    page.reload()
    shown = {}
    for student in ("ann", "bob", "mallory"):
        expect(row(page, student).locator(".score")).to_have_text(re.compile(r"^\d+ / 9$"))
        shown[student] = float(row(page, student).locator(".score").inner_text().split(" /")[0])
    books = Books(term)
    assert shown == {name: sum(filter(None, books.scores(chapter, name).values())) for name in shown}
    assert shown == {"ann": 5, "bob": 2, "mallory": 2}
    expect(row(page, "ann").locator(".status")).to_have_text("needs manual grading")


def test_dockbook_grade_takes_the_verdicts_that_are_there(term, chapter):
    before = {path.name: path.stat().st_mtime_ns for path in Verdicts(term, chapter).folder.iterdir()}
    assert len(before) == 6
    done = run_command(term, DOCKBOOK, "grade", chapter.id)
    assert done.returncode == 0, done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in Verdicts(term, chapter).folder.iterdir()} == before


def test_a_grade_and_a_comment_by_hand_are_in_the_gradebook(page, go, term, chapter):
    go(f"manage_students/ann/{chapter.id}")
    page.locator("#main-table .name a").click()
    points, words = page.locator("#why"), page.locator("#why-comment")
    expect(page.locator("#test-sum")).to_have_attribute("placeholder", "2")
    assert page.evaluate("window.brokenIn") is None
    expect(page.get_by_text("A container is a process.").last).to_be_visible()
    with page.expect_response(saves("grade")):
        points.fill("3")
        points.press("Tab")
    with page.expect_response(saves("comment")):
        words.fill("True, and *which* namespaces?")
        words.press("Tab")
    shot(page, "formgrader-by-hand")
    assert page.locator("a", has_text="the notes").first.get_attribute("href") is None
    assert grades(term, chapter, "ann")["why"] == (None, 3, False)
    assert comment(term, chapter, "ann", "why") == "True, and *which* namespaces?"
    go(f"manage_submissions/{chapter.id}")
    expect(row(page, "ann").locator(".score")).to_have_text("8 / 9")
    expect(row(page, "ann").locator(".status")).to_have_text("graded")


@pytest.mark.parametrize("again", [False, True], ids=["the-same-command", "judged-anew"])
def test_they_outlive_a_grading(page, go, term, chapter, again):
    more = ("--again", "--student", "ann") if again else ()
    done = run_command(term, DOCKBOOK, "grade", chapter.id, *more)
    assert done.returncode == 0, done.stderr
    # Judged anew, a person is asked to look once more.
    assert grades(term, chapter, "ann")["why"] == (None, 3, again)
    assert comment(term, chapter, "ann", "why") == "True, and *which* namespaces?"
    go(f"manage_submissions/{chapter.id}")
    expect(row(page, "ann").locator(".score")).to_have_text("8 / 9")


def test_its_pages_show_what_was_graded_meanwhile(page, go, term, chapter):
    def box() -> Locator:
        go(f"manage_students/bob/{chapter.id}")
        page.locator("#main-table .name a").click()
        return page.locator("#test-greeter")

    expect(box()).to_have_attribute("placeholder", "0")
    released = nbformat.read(term.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    submit_notebook(term, chapter, "bob", solve(released, chapter, ["greeter"]))
    done = run_command(term, DOCKBOOK, "grade", chapter.id, "--student", "bob")
    assert done.returncode == 0, done.stderr
    expect(box()).to_have_attribute("placeholder", "3")
    expect(page.locator("#test-sum")).to_have_attribute("placeholder", "0")


def test_feedback_shows_grades_and_comments_and_nothing_in_it_acts(page, go, term, chapter):
    go(f"manage_submissions/{chapter.id}")
    window = press(page, "ann", "generate-feedback")
    expect(window).to_contain_text("Successfully generated feedback")
    dismiss(window)
    feedback = term.root / "feedback" / "ann" / chapter.id / f"{chapter.id}.html"
    page.goto(feedback.as_uri())
    expect(page.locator(".total")).to_have_text("8 of 9 points")
    expect(page.locator("#answer-why .points")).to_have_text("3 of 4")
    expect(page.locator(".comment", has_text="True, and which namespaces?")).to_be_visible()
    expect(page.locator(".comment em")).to_have_text("which")
    assert page.evaluate("window.brokenIn") is None
    shot(page, "formgrader-feedback")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert_no_serious_fault(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page, "feedback-phone")


def test_in_the_end_it_goes_with_its_command(server, opened):
    """Last on purpose: it ends the server that the others use."""
    assert server.end() == 0
    with pytest.raises(OSError, match="refused"):
        ask(opened)
