"""The reference of checks names every check, once, and all that it shows is true."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from check_reference import START, Check, declared, expand, public_checks

from grader.expect import Checker, CheckFailed, Finding
from grader.expect.container import ContainerSubject
from tests.docs.world import Nothing, World
from tests.unit.inspectors import FakeInspector

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "reference").glob("*.md"))
CHECKS = public_checks()
PASS_ON_NOTHING = {"engine.has_no_container", "engine.has_no_image", "engine.has_no_network"}


def missing() -> tuple[list[str], list[str]]:
    """Checks that no page has a place for, and names on pages that are no checks."""
    named = declared(PAGES)
    return sorted(public_checks().keys() - set(named)), sorted(set(named) - public_checks().keys())


def try_out(check: Check, inspector: FakeInspector) -> tuple[Finding, ...] | None:
    """Run an example as a test cell would; its findings, None if it did not come to a verdict."""
    checker = Checker(inspector, patience_s=0.01)
    code = compile(check.example, check.full_name, "exec")
    try:
        if check.subject == START:
            exec(code, {"check": checker.check})
        else:
            with checker.check("task") as engine:
                exec(code, {"engine": engine})
    except CheckFailed as failed:
        return failed.outcome.findings
    (outcome,) = checker.outcomes.values()
    return outcome.findings if outcome.status == "passed" else None


def test_every_check_has_its_place_in_the_reference() -> None:
    without, unknown = missing()
    assert not without, f"name them in a {{checks}} block of a page in docs/reference: {without}"
    assert not unknown, f"these are no checks: {unknown}"
    twice = [name for name, number in Counter(declared(PAGES)).items() if number > 1]
    assert not twice


def test_what_a_test_cell_can_call_is_found() -> None:
    """Of each subject something, so that one that is no longer reached is noticed."""
    subjects = Counter(check.subject for check in CHECKS.values())
    assert set(subjects) == {
        *("check", "engine", "container", "containers", "image", "network", "answer", "mine", "hidden")
    }
    assert subjects["container"] >= 50


def test_a_new_check_without_documentation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_blue(self: ContainerSubject) -> ContainerSubject:
        return self

    monkeypatch.setattr(ContainerSubject, "is_blue", is_blue, raising=False)
    assert missing() == (["container.is_blue"], [])
    assert not public_checks()["container.is_blue"].example


def test_a_check_that_is_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ContainerSubject, "is_running")
    assert missing() == ([], ["container.is_running"])


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.full_name)
def test_it_says_what_it_asks_and_shows_it(check: Check) -> None:
    assert check.text, "it has no docstring"
    assert check.example, "its docstring has no `Example: ``...```"
    assert "Example" not in check.text, "an example that is not read: see docs/_ext/check_reference.py"
    called = {node.attr for node in ast.walk(ast.parse(check.example)) if isinstance(node, ast.Attribute)}
    assert check.name in called | {START}, f"its example does not use {check.name}"


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.full_name)
def test_its_example_is_true(check: Check) -> None:
    assert try_out(check, World()) == ()


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.full_name)
def test_its_example_asks_something(check: Check) -> None:
    """On an engine that holds nothing it does not pass, except where nothing is what is asked for."""
    assert bool(try_out(check, Nothing())) is (check.full_name not in PASS_ON_NOTHING)


def test_a_page_is_filled_in() -> None:
    page = "# Containers\n\n```{checks} container\nis_running\nhas_tty\n```\n\nThe end.\n"
    filled = expand(page, CHECKS)
    assert "{checks}" not in filled
    assert filled.startswith("# Containers\n") and filled.endswith("The end.\n")
    assert "{py:method} container.is_running()\n\nIs running now.\n" in filled
    assert 'engine.container("web").is_running()' in filled
    assert filled.index("container.is_running") < filled.index("container.has_tty")
    with pytest.raises(KeyError):
        expand(page.replace("has_tty", "has_tea"), CHECKS)


def test_the_list_of_all_has_all() -> None:
    index = expand((DOCS / "reference" / "index.md").read_text(encoding="utf-8"), CHECKS)
    for check in CHECKS.values():
        assert f"`{check.full_name}` | {check.summary}" in index
