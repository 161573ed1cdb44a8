"""Every chapter as a thing to read: its length, what a reader waits for, its questions, links and words."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from grader.course import Chapter
from tests.course.notebooks import COURSE, FENCE, LINK, PICTURE, code, gaps, headings, pictures, prose

WORDS, CODE_CELLS, SECTIONS, TASKS = range(1200, 8001), range(20, 60), range(5, 10), range(4, 10)
BETWEEN = 130
"""Words that a reader meets at most between two cells to run."""
MINUTES = range(30, 61)


def test_length(chapter: Chapter) -> None:
    words = sum(len(text.split()) for text in prose(chapter))
    assert words in WORDS, f"{words} words"
    assert len(code(chapter)) in CODE_CELLS, f"{len(code(chapter))} code cells"
    assert len(chapter.tasks) in TASKS, f"{len(chapter.tasks)} tasks"


def test_headings(chapter: Chapter) -> None:
    assert headings(chapter, 1) == [chapter.title]
    assert len(headings(chapter, 2)) in SECTIONS, headings(chapter, 2)
    assert chapter.source.cells[0].source.startswith("# ")


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


def test_ends_with_questions_clean_up_and_further_reading(chapter: Chapter) -> None:
    last = headings(chapter, 2)[-1].casefold()
    assert "question" in last
    ending = "\n".join(prose(chapter)).split("\n## ")[-1].casefold()
    assert "clean-up" in ending
    assert "further reading" in ending
    assert re.search(r"(?m)^1\. .+\?", ending), "no numbered questions"


def test_prose_stands_before_every_code_cell_that_begins_something(chapter: Chapter) -> None:
    """Prose, a short cell, prose: never more than two code cells in a row."""
    run = 0
    for cell in chapter.source.cells:
        run = run + 1 if cell.cell_type == "code" else 0
        assert run <= 2, f"{cell.id} is the third code cell in a row"


def test_links_are_well_formed(chapter: Chapter) -> None:
    targets = [found["to"] for text in prose(chapter) for found in LINK.finditer(text)]
    assert any("docs.docker.com" in target for target in targets), "no link to Docker's documentation"
    for target in targets:
        parts = urlsplit(target)
        if parts.scheme:
            assert parts.scheme == "https", target
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), target
        elif parts.path:
            assert (chapter.folder / parts.path).exists(), f"{target} leads nowhere"
    texts = [LINK.sub("", FENCE.sub("", text)) for text in prose(chapter)]
    bare = [url for text in texts for url in re.findall(r"(?<![(<`\"])https?://\S+", text)]
    assert not bare, f"bare addresses: {bare}"


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
        plain = re.sub(r"`[^`]*`", "", PICTURE.sub("", FENCE.sub("", text)))
        found = re.findall(
            r"(?i)\b(?:simply|obviously|of course|trivial(?:ly)?|easy|easily|just do)\b", plain
        )
        assert not found, f"{found} in: {plain[:80]}"
        assert "!" not in plain, plain[:80]
