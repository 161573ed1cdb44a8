"""The reading edition: the chapters as a small static site that opens from a disk, offline.

Made from the released form: solutions and hidden tests are out, and with them everything that solution and
test cells printed; the other stored outputs stay. Then each page is looked through for any line that must not
be there.
"""

from __future__ import annotations

import contextlib
import copy
import math
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from grader.chapter_faults import require_sound
from grader.course import Chapter, Course, is_test, marks
from grader.errors import CourseError, DockbookError, UsageError
from grader.grading.html_pages import Page, chapter_link, clean_page
from grader.grading.judge.recognise import strip_hidden_tests
from grader.grading.release import secrets
from grader.grading.safe_markdown import code_colours
from grader.handouts import may_be_given

GENERATOR = "dockbook book"
INDEX = "index.html"
_TEMPLATES = Path(__file__).with_name("templates")
_WORDS_A_MINUTE = 200
# What a page can show of an output, the best first; nothing that runs.
_SHOWN = (
    *("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg"),
    *("text/latex", "text/plain"),
)
_LINK = re.compile(r"(?P<before>\]\()(?P<to>[^)\s]+)(?P<after>\))")


@dataclass(frozen=True)
class _Section:
    id: str
    title: str


@dataclass
class ChapterPage:
    """What the contents and the neighbours say of a chapter. ``sentence`` is its own first one."""

    id: str
    title: str
    number: int
    of: int
    minutes: int
    sentence: str
    tasks: int
    generator: str = GENERATOR
    sections: list[_Section] = field(default_factory=list)
    before: ChapterPage | None = None
    after: ChapterPage | None = None


def make_book(course: Course, target: Path, left_out: Callable[[str], None] = lambda _: None) -> Path:
    """Make the book of all written chapters in the folder ``target``; the page to open.

    A book that is there is replaced as a whole; another folder with something in it is left alone. A chapter
    that cannot be read, with a link that leads nowhere, or whose page would show a solution or a hidden test,
    is left out, and ``left_out`` is told why. Raises UsageError for such a folder, CourseError when no
    chapter is left; DockbookError when it cannot be written.
    """
    chapters = course.written
    if not chapters:
        raise CourseError(f"No chapter is written in {course.root}.", next_step="add source/ID/ID.ipynb.")
    _require_ours(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".book-", dir=target.parent) as stage:
            made = Path(stage, "book")
            _write_all(chapters, made, left_out)
            _replace(target, made, Path(stage, "old"))
    except OSError as error:
        raise DockbookError(
            f"{target} cannot be written: {error.strerror or error}.",
            next_step="name another folder: --output.",
        ) from error
    return target / INDEX


def reading_form(chapter: Chapter) -> NotebookNode:
    """The chapter for reading: stubs for solutions, no hidden tests, no outputs of either kind of cell.

    Each cell's ``metadata.book`` says what it is: ``kind`` (opening, task or plain), and whether the box of a
    task's cells ``opens`` or ``closes`` with it.
    """
    require_sound(chapter)
    notebook: NotebookNode = ClearSolutions().preprocess(copy.deepcopy(chapter.source), {})[0]
    cells: list[NotebookNode] = notebook.cells
    first = next((n for n, cell in enumerate(cells) if cell.cell_type == "markdown"), -1)
    for position, cell in enumerate(cells):
        solution = bool(marks(cell).get("solution"))
        following = cells[position + 1] if position + 1 < len(cells) else None
        inside = solution or is_test(cell)
        cell.metadata["book"] = {
            "kind": "opening" if position == first else "plain",
            "opens": inside and not (position and _of_task(cells[position - 1])),
            "closes": inside and not (following is not None and _of_task(following)),
        }
        if cell.cell_type == "markdown" and not solution:
            cell.source = _LINK.sub(
                lambda found: found["before"] + chapter_link(found["to"]) + found["after"], cell.source
            )
            if following is not None and _of_task(following):
                cell.metadata["book"]["kind"] = "task"
    for cell in cells:
        if _of_task(cell) or marks(cell).get("grade"):
            cell.source = strip_hidden_tests(str(cell.source))
            if cell.cell_type == "code":
                cell.outputs = []
        if cell.cell_type != "markdown" and "outputs" not in cell:
            cell["outputs"] = []
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    return notebook


def _of_task(cell: NotebookNode) -> bool:
    """Whether it is a code cell to fill in, or a check."""
    return cell.cell_type == "code" and (bool(marks(cell).get("solution")) or is_test(cell))


# What the pages say of a chapter


def describe(chapter: Chapter, number: int, of: int) -> ChapterPage:
    """Its title, its first sentence, how long it takes to read."""
    notebook = reading_form(chapter)
    opening = next((str(c.source) for c in notebook.cells if c.cell_type == "markdown"), "")
    title = re.search(r"(?m)^# (.+)$", opening)
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", opening)]
    first = next((part for part in paragraphs if part and not part.startswith(("#", "-", "!", "|"))), "")
    plain = _plain(first)
    sentence = re.match(r".+?[.!?](?=\s|\Z)", plain)
    read = [str(cell.source) for cell in notebook.cells if not (_of_task(cell) or cell.cell_type == "raw")]
    words = sum(len(text.split()) for text in read)
    return ChapterPage(
        id=chapter.id,
        title=_plain(title[1]) if title else chapter.title,
        number=number,
        of=of,
        minutes=max(1, math.ceil(words / _WORDS_A_MINUTE)),
        sentence=sentence[0] if sentence else plain,
        tasks=len(chapter.tasks),
    )


def _plain(markdown: str) -> str:
    """A line of Markdown without its signs."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(markdown.split()))
    return re.sub(r"\*\*|__|`", "", text)


# Writing


class _Faulty(Exception):
    """No page can be made from this chapter."""

    def __init__(self, chapter: Chapter, error: CourseError) -> None:
        super().__init__(chapter.id)
        self.chapter, self.error = chapter, error


def _write_all(chapters: Sequence[Chapter], made: Path, left_out: Callable[[str], None]) -> None:
    """Write as many chapters as can be: those before and after one that is left out are neighbours."""
    names, left = {chapter.id for chapter in chapters}, list(chapters)
    while True:
        try:
            _write(left, made, names)
        except _Faulty as found:
            left.remove(found.chapter)
            if not left:
                raise found.error from found
            shutil.rmtree(made)
            left_out(f"{found.chapter.id}: {found.error}")
        else:
            return


@contextlib.contextmanager
def _about(chapter: Chapter) -> Iterator[None]:
    """Whatever goes wrong with this chapter's page, as _Faulty."""
    try:
        yield
    except CourseError as error:
        raise _Faulty(chapter, error) from error
    except OSError:
        raise
    except Exception as error:  # nbconvert's parsers raise anything
        said = CourseError(
            f"{chapter.notebook}: no page can be made from it: {type(error).__name__}: {error}",
            next_step="look at what was changed last, or restore it from version control.",
        )
        raise _Faulty(chapter, said) from error


def _write(chapters: Sequence[Chapter], made: Path, names: set[str]) -> None:
    """Write these; links may lead to the ``names`` of others, too. Raises _Faulty."""
    made.mkdir()
    pages = []
    for number, chapter in enumerate(chapters, 1):
        with _about(chapter):
            pages.append(describe(chapter, number, len(chapters)))
    for page, following in pairwise(pages):
        page.after, following.before = following, page
    (made / "book.css").write_text(_css(), encoding="utf-8")
    for chapter, page in zip(chapters, pages, strict=True):
        with _about(chapter):
            _write_one(chapter, page, made / chapter.id, names)
    contents = _environment().get_template("contents.html").render(pages=pages, generator=GENERATOR)
    (made / INDEX).write_text(contents, encoding="utf-8")


def _write_one(chapter: Chapter, page: ChapterPage, folder: Path, names: set[str]) -> None:
    folder.mkdir()
    html = _chapter(chapter, page)
    leak = next(leaks(chapter, html), None)
    if leak:
        raise CourseError(
            f"The page of {chapter.id} would show a line of {leak}; it was not written.",
            next_step="look at what other cells of the chapter print.",
        )
    (folder / INDEX).write_text(html, encoding="utf-8")
    _copy_files(chapter, Page.read(html), folder, names)


def _chapter(chapter: Chapter, page: ChapterPage) -> str:
    notebook = reading_form(chapter)
    # Once to learn which anchors its headings get, once with the list of them.
    headings = Page.read(_convert(notebook, page)).headings
    page.sections = [_Section(anchor, title) for level, anchor, title in headings if level == 2 and anchor]
    return _convert(notebook, page)


def _convert(notebook: NotebookNode, page: ChapterPage) -> str:
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": list(_SHOWN)}}),
        extra_template_basedirs=[str(_TEMPLATES)],
        extra_template_paths=[str(_TEMPLATES)],
        template_name="html-export",
        filters={"clean_page": clean_page},
        anchor_link_text="#",
    )
    html, _ = exporter.from_notebook_node(notebook, resources={"page": page})
    return str(html)


def leaks(chapter: Chapter, html: str) -> Iterator[str]:
    """The cells with a line that is in a page but should not be there."""
    shown = Page.read(html).lines
    yield from (where for line, where in secrets(chapter.source).items() if line in shown)


def _copy_files(chapter: Chapter, page: Page, folder: Path, chapters: set[str]) -> None:
    """The pictures and files that the page refers to. Raises CourseError for one that is not there."""
    root = chapter.folder.resolve()
    for path, anchor in page.local():
        if str(path) == ".":
            if anchor and anchor not in page.ids:
                raise _broken(chapter, f"#{anchor}")
            continue
        if path.parts[0] == "..":
            parts = path.parts[1:]
            if parts not in (("book.css",), (INDEX,)) and not (
                len(parts) == 2 and parts[0] in chapters and parts[1] == INDEX
            ):
                raise _broken(chapter, str(path))
            continue
        source = (root / path).resolve()
        if not source.is_relative_to(root) or not source.is_file() or not may_be_given(source):
            raise _broken(chapter, str(path))
        copied = folder / path
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copied)


def _broken(chapter: Chapter, target: str) -> CourseError:
    return CourseError(f"{chapter.notebook}: the link {target!r} leads nowhere.", next_step="correct it.")


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("grader.grading", "templates/html-export"),
        autoescape=True,
        undefined=StrictUndefined,
    )


def _css() -> str:
    """The book's style, with the colours for code."""
    own = (_TEMPLATES / "html-export" / "book.css").read_text(encoding="utf-8")
    return f"{own}\n{code_colours()}"


def _require_ours(target: Path) -> None:
    if not target.exists() and not target.is_symlink():
        return
    step = "name another folder with --output."
    if target.is_symlink() or not target.is_dir():
        raise UsageError(f"{target} is not a folder.", next_step=step)
    index = target / INDEX
    ours = index.is_file() and f'content="{GENERATOR}"' in index.read_text(encoding="utf-8", errors="replace")
    if any(target.iterdir()) and not ours:
        raise UsageError(f"{target} contains something other than a book.", next_step=step)


def _replace(target: Path, made: Path, old: Path) -> None:
    if target.exists():
        target.rename(old)
    made.rename(target)
