"""Every chapter's figures: for light and dark pages, narrow screens, and readers who cannot see them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from grader.course import Chapter
from tests.course.notebooks import pictures, prose

PHONE, SMALLEST = 360, 8
"""A figure on a narrow screen: its width and the height of its smallest letters, in pixels."""


def test_pictures(chapter: Chapter) -> None:
    """At least one of its own, each with a text in its place that says what it shows."""
    found = pictures(chapter)
    assert found, "no picture"
    assert not any("<img" in text for text in prose(chapter)), "pictures are written as Markdown"
    for alt, to in found:
        assert len(alt.split()) >= 8, f"{to}: say in words what it shows"
        assert re.fullmatch(r"figures/[a-z0-9-]+\.svg", to), to
        assert (chapter.folder / to).is_file(), to
    used = {to for _alt, to in found}
    there = {f"figures/{path.name}" for path in (chapter.folder / "figures").iterdir()}
    assert there == used, "a figure is not used, or is missing"


def test_figures_stand_on_their_own(chapter: Chapter) -> None:
    """Readable on light and dark pages, by eyes and by screen readers; no scripts, nothing from elsewhere."""
    for _alt, to in pictures(chapter):
        root = ET.parse(chapter.folder / to).getroot()
        names = [child.tag.rpartition("}")[2] for child in root.iter()]
        assert root.get("viewBox"), to
        assert {"title", "desc"} <= set(names), f"{to} has no title or no description"
        assert not {"script", "image", "foreignObject"} & set(names), to
        back = next(child for child in root if child.tag.endswith("}rect"))
        assert back.get("fill", "none").startswith("#"), f"{to} needs a background of its own"
        sizes = [float(child.get("font-size", "14")) for child in root.iter() if child.get("font-size")]
        assert min(sizes) >= 12, f"{to} has small print"


def test_figures_follow_the_reader(chapter: Chapter) -> None:
    """A dark theme has a dark figure, and a narrow screen has letters that can be read."""
    for path in sorted((chapter.folder / "figures").glob("*.svg")):
        text = path.read_text(encoding="utf-8")
        assert "prefers-color-scheme: dark" in text, f"{path.name} has no colours for a dark theme"
        view = ET.fromstring(text).get("viewBox", "")
        sizes = [float(size) for size in re.findall(r"font-size[:=]\s*[\"']?([\d.]+)", text)]
        sizes += [float(size) for size in re.findall(r"font:[^;]*?([\d.]+)px", text)]
        smallest = min(sizes) * PHONE / float(view.split()[2])
        assert smallest >= SMALLEST, f"{path.name}: letters of {smallest:.1f} pixels on a narrow screen"
