"""A student's path through every chapter in a real browser, and the marks that trusted grading gives it.

Each chapter is read and run from its top; one task is done wrong first, its finding is read in the page, and
it is mended. The chapters share one lab: each meets what the others left on the engine.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import nbformat
import pytest
from nbformat import NotebookNode
from playwright.sync_api import Browser, Locator, Page, expect

from grader.course import Chapter, Course, Task, marks
from grader.grading.demo import copy_course, submit_notebook
from tests.browser.lab import DOCKBOOK, ROOT, STUDENT, Lab, new_page, open_chapter, shot

CASES = ROOT / "tests" / "cases"
COURSE = Course.read(ROOT / "course")
CELL_MS = 120_000
MISTAKES = {
    "ch01": "family/wrong-stranger",
    "ch02": "fitter/wrong-only-downloaded",
    "ch03": "greeter/wrong-name",
    "ch04": "frontdoor/wrong-udp",
    "ch05": "slim/wrong-two",
    "ch06": "window/wrong-everywhere",
    "ch07": "autopsy/wrong-same-again",
}
"""What goes wrong first: findings that a student's own check can see."""
EVERY_TIME = {"ch01"}
CHAPTERS = [
    pytest.param(chapter, id=short, marks=() if short in EVERY_TIME else pytest.mark.slow)
    for chapter in COURSE.written
    for short in [chapter.id.split("-")[0]]
]
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The instructor's side: a copy of the course, released."""
    course = copy_course(COURSE, tmp_path_factory.mktemp("instructor") / "course")
    subprocess.run([DOCKBOOK, "release", "--course", course.root], check=True, timeout=300)
    return course


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = new_page(browser)
    yield page
    page.close()


class NotebookPage:
    """A chapter open in the browser: its cells by their place in the notebook, from 0."""

    def __init__(self, page: Page, notebook: NotebookNode) -> None:
        self.page = page
        self.cells = list(notebook.cells)

    def cell(self, place: int) -> Locator:
        # By its place as the notebook counts: cells far from the screen may not be in the page.
        return self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{place}"]')

    def place(self, grade_id: str) -> int:
        """Where the cell with nbgrader's id is."""
        (found,) = [n for n, cell in enumerate(self.cells) if marks(cell).get("grade_id") == grade_id]
        return found

    def go_to(self, place: int) -> None:
        """Make it the chosen cell, by a click beside its text."""
        self.cell(place).scroll_into_view_if_needed()
        self.cell(place).locator(".jp-InputPrompt").click()
        expect(self.cell(place)).to_have_class(re.compile("jp-mod-active"))

    def run(self, place: int) -> None:
        """Shift+Enter in the chosen cell, which must be this one; the next is chosen then."""
        cell = self.cell(place)
        expect(cell).to_have_class(re.compile("jp-mod-active"))
        if self.cells[place].metadata.get("jp-MarkdownHeadingCollapsed"):
            expect(self.cell(place + 1)).to_be_hidden()
            cell.locator(".jp-collapseHeadingButton").click()  # a side road, and this reader takes it
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.text_content() if self.is_code(place) else ""
        self.page.keyboard.press("Shift+Enter")
        if self.is_code(place):
            numbered = re.compile(rf"^(?!{re.escape(before or 'nothing')})\[\d+\]:$")
            expect(prompt).to_have_text(numbered, timeout=CELL_MS)

    def write(self, place: int, text: str) -> None:
        """Put this text in the place of what is in a code cell; the cell stays the chosen one."""
        editor = self.cell(place).locator(".cm-content")
        editor.click()
        self.page.keyboard.press("Control+A")
        # All at once, as from the clipboard: typed by keys, the editor would add indents and brackets.
        self.page.keyboard.insert_text(text)

    def solve(self, task: Task, text: str) -> Locator:
        """Write a solution, run it and its check; what the check shows."""
        work = self.place(task.solution_id)
        self.write(work, text)
        self.run(work)
        test = self.place(f"test-{task.id}")
        for place in range(work + 1, test + 1):
            self.run(place)
        return self.cell(test).locator(".jp-OutputArea-output")

    def is_code(self, place: int) -> bool:
        return self.cells[place].cell_type == "code"

    def tasks(self, chapter: Chapter) -> dict[int, Task]:
        return {self.place(task.solution_id): task for task in chapter.tasks}

    def save(self) -> None:
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+S")
        expect(self.page.locator(".jp-mod-current.jp-mod-dirty")).to_have_count(0)


def short(chapter: Chapter) -> str:
    return chapter.id.split("-")[0]


def case(chapter: Chapter, name: str) -> str:
    """The content of a solution cell: ``family/good``."""
    return (CASES / short(chapter) / f"{name}.py").read_text(encoding="utf-8").strip()


def mistake(chapter: Chapter) -> tuple[str, str, str]:
    """The task that is done wrong first, how, and the finding that must be read."""
    name = MISTAKES[short(chapter)]
    head, _, wrong = case(chapter, name).partition("\n")
    return name.split("/")[0], wrong, head.removeprefix("# finding:")


def plain(text: str) -> str:
    """A finding's words: where it is shown, lines and colons part them differently."""
    return re.sub(r"[\s:,]+", " ", text).strip()


def read_and_do(opened: NotebookPage, chapter: Chapter) -> None:
    """From the top to the end as a student: read, run, do the tasks."""
    tasks = opened.tasks(chapter)
    wrong_task, wrong, finding = mistake(chapter)
    figures = 0
    place = 0
    opened.cell(0).click()
    opened.page.keyboard.press("Escape")
    while place < len(opened.cells):
        if place not in tasks:
            opened.run(place)
            for picture in opened.cell(place).locator(".jp-RenderedMarkdown img").all():
                figures += 1
                expect(picture).to_have_js_property("complete", True)
                assert picture.evaluate("one => one.naturalWidth") > 0, f"no picture in cell {place}"
                picture.scroll_into_view_if_needed()
                shot(opened.page, f"{short(chapter)}-figure-{figures}")
            place += 1
            continue
        task = tasks[place]
        if task.id == wrong_task:
            said = opened.solve(task, wrong)
            expect(said).to_contain_text(f"{task.id}: not yet")
            words = said.inner_text()
            assert plain(finding) in plain(words), words
            assert "Traceback" not in words
            shot(opened.page, f"{short(chapter)}-finding")
        expect(opened.solve(task, case(chapter, f"{task.id}/good"))).to_contain_text(f"{task.id}: passed")
        if task.id == wrong_task:
            shot(opened.page, f"{short(chapter)}-passed")
        place = opened.place(f"test-{task.id}") + 1


def green(opened: NotebookPage, chapter: Chapter) -> list[str]:
    """The tasks whose check shows that they passed."""
    done = []
    for task in chapter.tasks:
        output = opened.cell(opened.place(f"test-{task.id}")).locator(".jp-OutputArea-output")
        said = [one.strip() for one in output.all_text_contents()]
        if len(said) == 1 and said[0].startswith(f"{task.id}: passed ("):
            done.append(task.id)
    return done


def errors(notebook: NotebookNode) -> list[str]:
    """Cells that ended with an error that the chapter does not mean."""
    return [
        f"{cell.source}\n{output.ename}: {output.evalue}"
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", ())
    ]


def run_all_again(opened: NotebookPage) -> None:
    """Kernel > Restart Kernel and Run All Cells, to the end."""
    # On a busy machine JupyterLab takes its own last save for somebody else's.
    changed = opened.page.get_by_role("dialog", name=re.compile("File Changed"))
    overwrite = changed.get_by_role("button", name="Overwrite")
    opened.page.add_locator_handler(changed, lambda _: overwrite.click())
    opened.page.get_by_role("menuitem", name="Kernel", exact=True).click()
    opened.page.get_by_role("menuitem", name=re.compile("Restart Kernel and Run All Cells")).click()
    opened.page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()
    codes = [n for n in range(len(opened.cells)) if opened.is_code(n)]
    last = opened.cell(codes[-1]).locator(".jp-InputPrompt")
    expect(last).to_have_text(f"[{len(codes)}]:", timeout=300_000)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_student_does_a_chapter_and_gets_full_marks(
    chapter: Chapter, lab: Lab, address: str, page: Page, copied: Course
) -> None:
    file = lab.notebook(chapter.id)
    opened = NotebookPage(page, nbformat.read(file, as_version=4))
    open_chapter(page, address, chapter.id)
    shot(page, f"{short(chapter)}-top")
    read_and_do(opened, chapter)
    everything = [task.id for task in chapter.tasks]
    assert green(opened, chapter) == everything

    opened.save()
    saved = nbformat.read(file, as_version=4)
    assert errors(saved) == []
    # Shift+Enter in the last cell puts an empty one below it, before or after the lab saves by itself.
    assert [cell.id for cell in saved.cells[: len(opened.cells)]] == [cell.id for cell in opened.cells]
    assert [cell.source for cell in saved.cells[len(opened.cells) :]] in ([], [""])
    for task in chapter.tasks:
        work = saved.cells[opened.place(task.solution_id)]
        assert work.source == case(chapter, f"{task.id}/good")

    run_all_again(opened)
    assert green(opened, chapter) == everything

    assert graded(copied, chapter, saved) == {task.id: task.points for task in chapter.tasks}


def graded(course: Course, chapter: Chapter, notebook: NotebookNode) -> dict[str, float]:
    """Hand the notebook in, have it graded by `dockbook grade`: points by task."""
    submit_notebook(course, course.chapter(chapter.id), STUDENT, notebook)
    result = course.root / f"{chapter.id}.json"
    done = subprocess.run(
        [DOCKBOOK, "grade", chapter.id, "--course", course.root, "--json", result],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (student,) = json.loads(result.read_text())["students"]
    print(json.dumps(student, indent=1))  # with the findings, if there are any
    return {task["task"]: task["score"] for task in student["tasks"]}


CONTRAST = """one => {
    const rgba = css => { const [r, g, b, a = 1] = css.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
    const over = (top, below) => [0, 1, 2].map(n => top[n] * top[3] + below[n] * (1 - top[3]));
    const paints = [];
    for (let at = one; at; at = at.parentElement) paints.push(rgba(getComputedStyle(at).backgroundColor));
    const behind = paints.reduceRight((below, top) => over(top, below), [255, 255, 255]);
    const text = over(rgba(getComputedStyle(one).color), behind);
    const light = colour => colour.map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
    const [low, high] = [light(text), light(behind)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
}"""
"""The WCAG contrast of an element's text with what is painted behind it, 1 to 21; 4.5 reads well."""


def test_figures_findings_and_verdicts_read_well_in_the_dark_theme(
    lab: Lab, address: str, page: Page
) -> None:
    chapter = COURSE.chapter("ch03")
    opened = NotebookPage(page, nbformat.read(lab.notebook(chapter.id), as_version=4))
    open_chapter(page, address, chapter.id)
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-item", has_text=re.compile("^Theme$")).click()
    page.locator(".lm-Menu-item", has_text=re.compile("^JupyterLab Dark$")).click()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", "JupyterLab Dark")
    task = chapter.task("greeter")
    wrong_task, wrong, _finding = mistake(chapter)
    assert wrong_task == task.id
    opened.go_to(0)
    for place in range(opened.place(task.solution_id)):
        opened.run(place)
        for picture in opened.cell(place).locator(".jp-RenderedMarkdown img").all():
            picture.scroll_into_view_if_needed()
            shot(page, "dark-figure")
    finding = opened.solve(task, wrong)
    expect(finding).to_contain_text(f"{task.id}: not yet")
    shot(page, "dark-finding")
    assert finding.locator("pre").evaluate(CONTRAST) >= 4.5
    verdict = opened.solve(task, case(chapter, f"{task.id}/good"))
    expect(verdict).to_contain_text(f"{task.id}: passed")
    assert verdict.locator("b").evaluate(CONTRAST) >= 4.5
    shot(page, "dark-passed")
