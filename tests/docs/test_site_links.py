"""Links of files that the site includes lead somewhere, in the site or on GitHub."""

from __future__ import annotations

import pytest
from site_links import relink

PAGES = {"SECURITY.md": "project/security", "course/INSTRUCTOR.md": "instructor/guide"}
REPOSITORY = "https://github.com/dockbook/dockbook/blob/main"


@pytest.mark.parametrize(
    ("place", "link", "leads"),
    [
        (".", "SECURITY.md", "security.md"),
        (".", "course/INSTRUCTOR.md#limits", "../instructor/guide.md#limits"),
        (".", "/course/INSTRUCTOR.md", "../instructor/guide.md"),
        ("course", "../SECURITY.md", "security.md"),
        ("course", "source/", f"{REPOSITORY}/course/source"),
        (".", "grader/expect", f"{REPOSITORY}/grader/expect"),
        (".", "docs/course/chapter.md", "../course/chapter.md"),
        (".", "docs/start.md#install", "../start.md#install"),
        (".", "https://example.org/a.md", "https://example.org/a.md"),
        (".", "#limits", "#limits"),
    ],
)
def test_a_link(place: str, link: str, leads: str) -> None:
    assert relink(f"See [it]({link}).", place, "project/page", PAGES, REPOSITORY) == f"See [it]({leads})."


def test_pictures_are_found_from_the_page() -> None:
    text = "![A figure](course/architecture.svg)"
    assert relink(text, ".", "project/page", PAGES, REPOSITORY) == (
        "![A figure](../../course/architecture.svg)"
    )
    assert relink(text, ".", "page", PAGES, REPOSITORY) == "![A figure](../course/architecture.svg)"


def test_examples_stay_as_they_are() -> None:
    text = "[a](SECURITY.md)\n```markdown\n[a](SECURITY.md)\n```\n[b](SECURITY.md)\n"
    changed = relink(text, ".", "project/page", PAGES, REPOSITORY)
    assert changed == "[a](security.md)\n```markdown\n[a](SECURITY.md)\n```\n[b](security.md)\n"
