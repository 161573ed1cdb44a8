"""Markdown of students becomes HTML that can do nothing."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup

from grader.grading import safe_markdown


def rendered(source: str, **cell: Any) -> BeautifulSoup:
    context: Any = {"cell": cell}
    return BeautifulSoup(safe_markdown.markdown(context, source), "html.parser")


def test_an_honest_answer_looks_as_it_was_meant():
    page = rendered(
        "## Why\n\nA **container** is `one process`, see [the manual](https://docs.docker.com/).\n\n"
        "1. first\n\n```sh\necho hi > note\n```\n\n| a | b |\n|---|---|\n| 1 | $x < 2$ |\n\n"
        "![layers](figures/my%20layers.svg) ![pasted](attachment:a.png)",
        attachments={"a.png": {"image/png": "iVBORw0="}},
    )
    texts = {name: [one.text for one in page.find_all(name)] for name in ("h2", "strong", "code", "li")}
    assert texts == {"h2": ["Why"], "strong": ["container"], "code": ["one process"], "li": ["first"]}
    assert [link["href"] for link in page.find_all("a")] == ["https://docs.docker.com/"]
    assert [block.text for block in page.find_all("div", class_="highlight")] == ["echo hi > note\n"]
    assert [cell.text for cell in page.find_all("td")] == ["1", "$x < 2$"]
    assert [image["src"] for image in page.find_all("img")] == [
        "figures/my%20layers.svg",
        "data:image/png;base64,iVBORw0=",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<style>body { display: none }</style>",
        "<p style='position: fixed; inset: 0'>graded: 9 of 9</p>",
        "<form action='/formgrader/api/grade/1'><input id='why'><button>more</button></form>",
        "<base href='https://example.org/'><link rel=stylesheet href=x><meta http-equiv=refresh content=0>",
        "<object data=evil.html></object><embed src=evil.html>",
        "$$<img src=x onerror=alert(1)>$$",
    ],
)
def test_nothing_in_an_answer_acts_or_pretends(source):
    allowed = {"h1", "p", "div", "span", "code", "pre", "img", "a"}
    for element in rendered(source).find_all(True):
        assert element.name in allowed
        assert set(element.attrs) <= {"src", "alt", "href"}


@pytest.mark.parametrize(
    "target",
    [
        *("javascript:alert(1)", " java\tscript:alert(1)", "&#106;avascript:alert(1)", "vbscript:x"),
        *("data:text/html,<script>alert(1)</script>", "&#100;ata:text/html,x", "file:///etc/passwd"),
        *("evil.html", "./evil.html", "/formgrader/gradebook", "//example.org/x", "\\\\example.org\\x"),
    ],
)
def test_links_lead_to_the_web_or_nowhere(target):
    for source in (f"[x]({target})", f'<a href="{target}">x</a>'):
        for link in rendered(source).find_all("a"):
            assert "href" not in link.attrs


@pytest.mark.parametrize(
    "source",
    [
        *("https://example.org/x.png", " https://example.org/x.png", "&#104;ttps://example.org/x.png"),
        *(
            "//example.org/x.png",
            "\\\\example.org\\x.png",
            "/formgrader/submissions/1/next",
            "../../bob/x.png",
        ),
        *("ht&Tab;tps://example.org/x", "data:text/html;base64,PHNjcmlwdD4=", "javascript:alert(1)"),
    ],
)
def test_pictures_come_from_the_submission_alone(source):
    for text in (f"![x]({source})", f'<img src="{source}">'):
        for image in rendered(text).find_all("img"):
            assert "src" not in image.attrs, image


@pytest.mark.parametrize("name", ["score", "comment tabbable", "k score", "save-icon", "panel"])
def test_nothing_passes_for_a_part_of_the_page(name):
    (found,) = rendered(f'<span id="why" class="{name}" data-x="1">x</span>').find_all("span")
    assert found.attrs == {}


@pytest.mark.parametrize(
    ("source", "attachments"),
    [
        ("![a](attachment:a.png)", {}),
        ("![a](attachment:a.png)", {"a.png": {}}),
        ("![a](attachment:a.png)", {"a.png": {"text/plain": "x"}}),
        ("![a](attachment:)", {"a.png": {"image/png": "iVBORw0="}}),
    ],
)
def test_a_picture_that_is_missing_is_named_and_the_text_stays(source, attachments):
    page = rendered(f"Before {source} after", attachments=attachments)
    assert not page.find_all("img")
    assert page.text.startswith("Before (a picture is missing: ")
    assert page.text.strip().endswith("after")


@pytest.mark.parametrize("written", ["attachment:my%20picture.png", "<attachment:my picture.png>"])
@pytest.mark.parametrize("mime", ["image/png", "image/svg+xml"])
def test_a_pasted_picture_is_shown_whatever_its_name(written, mime):
    page = rendered(f"![a]({written})", attachments={"my picture.png": {mime: "iVBORw0="}})
    assert [image["src"] for image in page.find_all("img")] == [f"data:{mime};base64,iVBORw0="]


def test_a_renderer_that_raises_costs_the_cell_and_not_the_page(monkeypatch):
    def broken(*_args, **_kw):
        raise RecursionError

    monkeypatch.setattr("nbconvert.filters.markdown_mistune.MarkdownWithMath.render", broken)
    page = BeautifulSoup(safe_markdown.as_html("**bold** <script>alert(1)</script>", {}), "html.parser")
    assert [block.text for block in page.find_all("pre")] == ["**bold** <script>alert(1)</script>"]
    assert not page.find_all("script")


def test_text_that_is_nested_very_deep_is_shown():
    for deep in (">" * 3000 + " x", "- " * 3000 + "x", "<div>" * 3000 + "x", "[" * 3000 + "x"):
        assert rendered(deep).text.strip().endswith("x")
