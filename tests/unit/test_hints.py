"""``hint``: a step further with each call, and never a reason for a notebook to break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grader.notebook.hints import Hints

TEXTS = """
[hints]
greeter = ["Which image has `echo`?", "Look at\\n  `docker run IMAGE COMMAND`.", "Nearly: a < b"]
ticker = ["One step."]
broken = "no list"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hints.toml").write_text(TEXTS)
    return tmp_path


def test_each_call_goes_a_step_further_and_the_last_says_so(folder: Path) -> None:
    hint = Hints(folder)
    assert repr(hint("greeter")) == (
        'Hint 1 of 3 for greeter: Which image has `echo`?\nRun hint("greeter") again for the next one.'
    )
    assert "Hint 2 of 3 for greeter: Look at `docker run IMAGE COMMAND`." in repr(hint(" greeter "))
    assert repr(hint("ticker")).endswith("\nThis was the last one.")
    assert repr(hint("greeter")).endswith("\nThis was the last one.")
    for _ in range(2):
        assert "There are no more hints" in repr(hint("greeter"))
    assert "Hint 1 of 3" in repr(Hints(folder)("greeter")), "a fresh kernel begins anew"


def test_html_is_escaped_and_shows_code(folder: Path) -> None:
    hint = Hints(folder)
    shown = [hint("greeter")._repr_html_() for _ in range(3)]
    assert "<code>echo</code>" in shown[0]
    assert "a &lt; b" in shown[2]
    assert "<script>" not in hint("<script>")._repr_html_()


def test_an_unknown_task_names_those_that_there_are(folder: Path) -> None:
    hint = Hints(folder)
    assert repr(hint("greter")) == (
        "No task 'greter' has hints\nThere are hints for: greeter, ticker. Did you mean hint(\"greeter\")?"
    )
    assert repr(hint()).startswith("Hint for which task?\nThere are hints for: greeter, ticker.")
    anything: Any = hint
    assert "greeter, ticker" in repr(anything(3))


@pytest.mark.parametrize("text", ["[hints", "\xff", "hints = 3", "", "[hints]\na = []"])
def test_a_file_of_no_use_breaks_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "hints.toml").write_bytes(text.encode("latin-1"))
    assert repr(Hints(tmp_path)("greeter")).startswith("No hints")


def test_no_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert repr(Hints()("greeter")) == "No hints: there is no hints.toml next to this notebook"


def test_the_chapters_tasks_are_those_with_hints(folder: Path, tmp_path: Path) -> None:
    assert Hints(folder).tasks() == ["greeter", "ticker"]
    (tmp_path / "hints.toml").write_text("= broken")
    assert Hints(tmp_path).tasks() == []
    assert Hints(tmp_path / "nowhere").tasks() == []
