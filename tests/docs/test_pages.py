"""What the pages name exists: commands, options, folders, files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader.cli.run_tests import steps
from tests.docs.commands import fault, in_page

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    ROOT / "course" / "INSTRUCTOR.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
OUR_FOLDERS = ("binder", "course", "docs", "grader", "requirements", "tests")
MADE = ("build", "course/submitted", "course/release")
"""What is there only after something has run."""


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_exist(page: Path) -> None:
    faults = {command: fault(command) for command in in_page(page.read_text(encoding="utf-8"))}
    assert not {command: words for command, words in faults.items() if words}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_folders_and_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(rf"(?<![\w/.-])((?:{'|'.join(OUR_FOLDERS)})/[\w./-]*\w)", text))
    # A page of the site also names its neighbours, without their ending.
    places = (ROOT, page.parent)
    missing = {path for path in named if not any(known(place / path) for place in places)}
    assert not {path for path in missing if not path.startswith(MADE)}


def known(path: Path) -> bool:
    return path.exists() or path.with_name(f"{path.name}.md").exists()


def test_steps_that_are_named_exist() -> None:
    known = {step.name for step in steps(ROOT, "all")}
    named = {
        name
        for page in PAGES
        for command in in_page(page.read_text(encoding="utf-8"))
        for name in re.findall(r"--only (\S+)", command)
    }
    assert named and named <= known


def test_contributing_says_how_to_begin() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(in_page(text))
    assert {"test --quick", "engine build", "docs"} <= named
    assert {"grader/expect", "grader/state", "docs/reference", "tests/grading/hostile"} <= set(
        re.findall(r"`([\w/]+)`", text)
    )


@pytest.mark.parametrize(
    ("page", "commands", "faults"),
    [
        ("Type `./dockbook test --quick`.", ["test --quick"], ""),
        ("```console\n$ ./dockbook graed ch03\n```", ["graed ch03"], "no command graed"),
        (
            "```console\n$ dockbook grade ch03 --fast   # quick\n```",
            ["grade ch03 --fast"],
            "no option --fast",
        ),
        ("```console\n$ dockbook engine run -- docker run --rm busybox\n```", None, ""),
        ("```console\n$ cd x && dockbook nothing\n```", ["nothing"], "no command nothing"),
        ("```python\ndockbook nothing\n```", [], ""),
    ],
)
def test_a_wrong_command_is_noticed(page: str, commands: list[str] | None, faults: str) -> None:
    found = list(in_page(page))
    assert commands is None or found == commands
    assert faults in " ".join(map(fault, found))
    assert bool(faults) is any(map(fault, found))
