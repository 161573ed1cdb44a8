"""What an instructor's test cell says about itself, read without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from grader.errors import CourseError
from grader.syntax import parse


@dataclass(frozen=True)
class TestFacts:
    """The task that a test cell judges, and what its ``check`` and its questions name."""

    task: str
    after: tuple[str, ...]
    answers: tuple[str, ...]
    private: bool


def read_test(source: str, where: str) -> TestFacts:
    """What a test cell's code says. Raises CourseError, beginning with ``where``, if it cannot be graded."""
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = f"{error.msg} (line {error.lineno})" if isinstance(error, SyntaxError) else str(error)
        raise CourseError(
            f"{where}: this is not plain Python: {said}.",
            next_step="write test cells in Python alone, without % or ! lines.",
        ) from error
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    checks = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "check"]
    if len(checks) != 1 or not checks[0].args or not isinstance(checks[0].args[0], ast.Constant):
        raise CourseError(
            f'{where}: expected exactly one `with check("task") as engine:`, found {len(checks)}.',
            next_step="give every test cell one check, with the task's name as text.",
        )
    after: tuple[str, ...] = ()
    private = False
    for keyword in checks[0].keywords:
        if keyword.arg == "private":
            private = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        if keyword.arg == "after":
            try:
                value = ast.literal_eval(keyword.value)
            except (ValueError, TypeError):
                value = ()
            after = (value,) if isinstance(value, str) else tuple(map(str, _several(value)))
    answers = [
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "answer"
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    ]
    return TestFacts(str(checks[0].args[0].value), after, tuple(dict.fromkeys(answers)), private)


def _several(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple | set) else ()
