"""The reading edition of the real course: whole, offline, readable by a machine's measure, and without a
solution."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import markupsafe
import nbformat
import pytest
from nbformat.v4 import new_output

from grader.cli import main
from grader.course import Course, is_test, marks
from grader.errors import CourseError, UsageError
from grader.grading.html_export import describe, make_book, reading_form
from grader.grading.html_pages import Page, chapter_link, clean_page
from grader.workspace.folder import student_version
from tests.grading import tiny

COURSE = Course.read(Path(__file__).resolve().parents[2] / "course")
TRIVIAL = 12


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    target = tmp_path_factory.mktemp("reading") / "book"
    assert make_book(COURSE, target) == target / "index.html"
    return target


@pytest.fixture(scope="module")
def pages(book):
    return {path: Page.read(path.read_text()) for path in sorted(book.rglob("*.html"))}


@pytest.fixture
def course(tmp_path):
    return tiny.make_course(tmp_path / "course")


def rewrite(course: Course, change: object) -> Course:
    """The course with its one notebook changed by this function."""
    path = course.chapters[0].notebook
    notebook = nbformat.read(path, as_version=4)
    assert callable(change)
    change(notebook)
    nbformat.write(notebook, path)
    return Course.read(course.root)


# The real course


def test_every_chapter_is_there_and_leads_to_its_neighbours(book, pages):
    ids = [chapter.id for chapter in COURSE.written]
    assert {path.parent.name for path in pages if path.parent != book} == set(ids)
    contents = pages[book / "index.html"]
    assert [str(path) for path, _ in contents.local() if path.suffix == ".html"] == [
        f"{name}/index.html" for name in ids
    ]
    for before, after in pairwise(ids):
        assert f"../{after}/index.html" in pages[book / before / "index.html"].refers
        assert f"../{before}/index.html" in pages[book / after / "index.html"].refers


def test_every_link_picture_and_anchor_leads_somewhere(book, pages):
    seen = 0
    for path, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), path
        for target in page.refers:
            parts = urlsplit(target)
            if parts.scheme:
                assert parts.scheme in ("https", "http", "mailto", "data"), target
                continue
            found = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert found.is_file() and found.is_relative_to(book), (path, target)
            if parts.fragment:
                assert unquote(parts.fragment) in pages[found].ids, (path, target)
            seen += 1
    assert seen > 100


def test_nothing_is_fetched_and_nothing_runs(book):
    for path in book.rglob("*"):
        if path.suffix not in (".html", ".css", ".svg"):
            continue
        text = path.read_text()
        assert not re.search(r"<script|javascript:|@import|\son\w+=|<iframe|<object|<embed|<form", text), path
        if path.suffix != ".svg":
            assert not re.search(r"(?:src|srcset|poster)\s*=\s*[\"']?\s*(?:https?:)?//", text), path
            assert not re.search(r"<link[^>]+href=[\"']?(?:https?:)?//", text), path
            assert not re.search(r"url\(", text), path
        for word in ("mathjax", "require.js", "cdnjs", "mermaid", "jsdelivr", "unpkg"):
            assert word not in text.lower(), (path, word)


def test_each_picture_has_the_sources_words(book, pages):
    for chapter in COURSE.written:
        text = (book / chapter.id / "index.html").read_text()
        shown = Page.read(text).lines
        source = "\n".join(cell.source for cell in chapter.source.cells if cell.cell_type == "markdown")
        figures = re.findall(r"!\[([^\]]+)\]\((figures/[^)]+)\)", source)
        assert text.count("<img") >= len(figures) > 0
        for alt, file in figures:
            assert alt.replace("`", "").strip() in shown, (chapter.id, file)
            assert (book / chapter.id / file).read_bytes() == (chapter.folder / file).read_bytes()


def test_no_line_of_a_solution_or_hidden_test_is_in_it(book, pages):
    """What counts as secret is found here by other means than the book's: all that nbgrader's release takes
    out."""
    secret_lines = 0
    for chapter in COURSE.written:
        released = student_version(chapter.source)
        public = {line.strip() for cell in released.cells for line in cell.source.splitlines()}
        everything = {line.strip() for cell in chapter.source.cells for line in cell.source.splitlines()}
        secret = {line for line in everything - public if len(line) > TRIVIAL and not line.startswith("###")}
        secret_lines += len(secret)
        page = pages[book / chapter.id / "index.html"]
        assert [line for line in secret if line in page.lines] == []
        # Nor as a part of a longer line, or folded, unless the release has it so.
        flat, shown = " ".join(page.text.split()), " ".join(" ".join(sorted(public)).split())
        folded = {" ".join(line.split()) for line in secret}
        assert [line for line in folded if line in flat and line not in shown] == []
        assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN)", page.text)
    assert secret_lines > 100


def test_other_outputs_stay_and_those_of_task_cells_go(book, pages):
    for chapter in COURSE.written:
        lines = pages[book / chapter.id / "index.html"].lines
        kept = 0
        for cell in chapter.source.cells:
            graded = marks(cell).get("solution") or marks(cell).get("grade")
            for output in cell.get("outputs", []):
                text = output.get("text", "")
                for line in text.splitlines() if not graded else ():
                    if len(line.strip()) > TRIVIAL:
                        assert line.strip() in lines, (chapter.id, line)
                        kept += 1
            if is_test(cell):
                task = str(marks(cell)["grade_id"]).removeprefix("test-")
                assert f"{task}: passed" not in lines
        assert kept > 3, chapter.id


def test_the_reading_form_is_the_release_with_outputs():
    """Cell for cell the text that nbgrader releases, but for links between chapters."""
    for chapter in COURSE.written:
        theirs = [cell.source for cell in student_version(chapter.source).cells]
        assert [cell.source for cell in reading_form(chapter).cells] == theirs


def test_the_contents_tell_of_each_chapter(book):
    text = (book / "index.html").read_text()
    for number, chapter in enumerate(COURSE.written, 1):
        page = describe(chapter, number, len(COURSE.written))
        assert 20 < len(page.sentence) < 300 and page.sentence[-1] in ".!?", page.sentence
        assert 3 <= page.minutes <= 30
        assert markupsafe.escape(page.sentence.split(",")[0]) in text


def test_it_is_small_and_has_nothing_else_in_it(book):
    files = [path for path in book.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".html", ".css", ".svg"}
    assert sum(path.stat().st_size for path in files) < 5_000_000


# By example


def test_what_could_act_is_taken_out():
    given = (
        '<p onclick="x()">a<script>alert(1)</script><img src="https://e.example/p.png" alt="t">'
        '<a href="javascript:x()">b</a><a href="file:///etc/passwd">c</a><iframe src="x"></iframe></p>'
        '<img src="../../secret.svg" alt="s"><form action="/x"><input></form><style>p{}</style>'
        '<p class="steps" id="mine" style="position:fixed">d</p>'
    )
    found = clean_page(given)
    assert not re.search(
        r"<script|onclick|https:|javascript:|file:|iframe|\.\.|<form|<style|class=|id=|style=", found
    )
    assert 'alt="t"' in found


def test_tables_scroll_and_figures_lead_to_their_files():
    assert clean_page("<table><tr><td>1</td></tr></table>").startswith('<div class="wide"><table>')
    found = clean_page('<p><img src="figures/a.svg" alt="A box" /></p>')
    assert re.fullmatch(r'<p><a href="figures/a.svg"><img [^>]*alt="A box"[^>]*></a></p>', found)


def test_links_between_chapters_lead_to_pages():
    assert chapter_link("../ch02-later/ch02-later.ipynb#End") == "../ch02-later/index.html#End"
    for same in ("https://x.example/a.ipynb", "figures/a.svg", "#End", "../a/b.ipynb"):
        assert chapter_link(same) == same


def test_a_book_is_replaced_and_nothing_else_is(course, tmp_path):
    target = tmp_path / "out" / "book"
    make_book(course, target)
    (target / "old.html").write_text("x")
    make_book(course, target)
    assert not (target / "old.html").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text("my page")
    with pytest.raises(UsageError, match=r"other than a book.*--output"):
        make_book(course, other)
    assert (other / "index.html").read_text() == "my page"
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(UsageError, match="not a folder"):
        make_book(course, link)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["book"]


def test_a_page_that_would_show_a_secret_is_not_written(course, tmp_path):
    def tell(notebook: nbformat.NotebookNode) -> None:
        notebook.cells[1].outputs = [new_output("stream", text="so:\n  total = 6 * 7\n")]

    with pytest.raises(CourseError, match=r"would show a line of cell 'sum'; it was not written"):
        make_book(rewrite(course, tell), tmp_path / "book")
    assert not (tmp_path / "book").exists()


def test_outputs_of_solutions_and_tests_are_not_in_it(course, tmp_path):
    def run(notebook: nbformat.NotebookNode) -> None:
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                cell.outputs = [new_output("stream", text=f"printed by cell {number}\n")]

    chapter = rewrite(course, run).chapter("ch01")
    make_book(Course.read(course.root), tmp_path / "book")
    lines = Page.read((tmp_path / "book" / chapter.id / "index.html").read_text()).lines
    printed = {line for line in lines if line.startswith("printed")}
    assert printed == {"printed by cell 1"}


def test_html_in_an_output_is_shown_without_its_script(course, tmp_path):
    def run(notebook: nbformat.NotebookNode) -> None:
        data = {"text/html": "<b>bold</b><script>x()</script>", "application/javascript": "x()"}
        more = {"image/svg+xml": "<svg onload='x()'/>", "text/plain": 'a "picture"'}
        notebook.cells[1].outputs = [
            new_output("display_data", data=data),
            new_output("display_data", data=more),
        ]
        notebook.cells[0].source += "\n\n<img src=x onerror=x()> <script>x()</script>"

    course = rewrite(course, run)
    (course.chapters[0].folder / "x").write_text("")
    make_book(course, tmp_path / "book")
    text = (tmp_path / "book" / tiny.CHAPTER / "index.html").read_text()
    assert "<b>bold</b>" in text
    assert not re.search(r"<script|onerror|onload|<svg", text)
    assert "a &quot;picture&quot;" in text or "alt='a \"picture\"'" in text


@pytest.mark.parametrize("target", ["figures/none.svg", "../chapters.toml", "#Nowhere", "../ch09/ch09.ipynb"])
def test_a_link_that_leads_nowhere_is_an_error(course, tmp_path, target):
    def link(notebook: nbformat.NotebookNode) -> None:
        notebook.cells[0].source += f"\n\n[a]({target})"

    with pytest.raises(CourseError, match="leads nowhere"):
        make_book(rewrite(course, link), tmp_path / "book")
    assert not (tmp_path / "book").exists()


def test_the_command_says_what_to_open(course, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["book", "--course", str(course.root)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'book' / 'index.html'}\n"
    assert main(["book", "--course", str(course.root), "--output", str(course.root)]) == 2
    assert "other than a book" in capsys.readouterr().err
