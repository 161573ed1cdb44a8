"""The table of requests: what it refuses, and that every keeper and process 1 answers just what it has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from grader.engine.inside import nested as inside_nested
from grader.engine.inside import sandbox as inside_sandbox
from grader.engine.inside import vm as inside_vm
from grader.engine.keeper import nested, sandbox, vm
from grader.engine.system.keeper_requests import TABLE, Probed, answer, fits, is_for

BACKENDS: dict[str, tuple[type[object], type[object]]] = {
    "sandbox": (sandbox.Keeper, inside_sandbox.Inside),
    "vm": (vm.VMKeeper, inside_vm.Guest),
    "nested": (nested.NestedKeeper, inside_nested.Guest),
}


def answered(kind: type[object]) -> dict[str, Callable[..., Any]]:
    """The requests that a class answers, and its methods."""
    return {name.removeprefix("do_"): getattr(kind, name) for name in dir(kind) if name.startswith("do_")}


def described(function: Callable[..., Any]) -> tuple[dict[str, object], object]:
    """Arguments with their kinds and defaults, and the result."""
    kinds = get_type_hints(function)
    given = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    return {one.name: (kinds[one.name], one.default) for one in given}, kinds["return"]


class Receiver:
    """Answers three requests."""

    def do_signal_kernel(self, kernel: int, number: int) -> int:
        return kernel + number

    def do_stop(self, patience_s: float = 30) -> None:
        raise RuntimeError("dockerd did not stop")

    def do_gate(self, closed: bool | None = None, cpus: bool | None = None) -> None:
        """Nothing."""


def error_of(do: str, **arguments: object) -> str:
    reply = answer(Receiver(), {"id": 7, "do": do, "with": arguments})
    assert reply.keys() == {"id", "error"} and reply["id"] == 7
    return str(reply["error"])


def test_every_request_is_answered_somewhere_and_nothing_else_is() -> None:
    assert {name for pair in BACKENDS.values() for one in pair for name in answered(one)} == set(TABLE)


@pytest.mark.parametrize("backend", BACKENDS)
def test_either_the_keeper_answers_or_process_1(backend: str) -> None:
    keeper, inside = BACKENDS[backend]
    assert not answered(keeper).keys() & answered(inside).keys()


@pytest.mark.parametrize("backend", BACKENDS)
def test_who_answers_takes_and_gives_what_the_table_has(backend: str) -> None:
    for kind in BACKENDS[backend]:
        for name, method in answered(kind).items():
            assert described(method) == described(TABLE[name]), f"{kind.__name__}.do_{name}"


def test_every_kind_in_the_table_is_one_that_json_has() -> None:
    """``fits`` knows them all: one that it does not know would fit nothing."""
    examples: list[object] = [None, True, 1, 0.5, "x", ["x"], {}, {"status": None, "output": ""}]
    for name, function in TABLE.items():
        for argument, kind in function.__annotations__.items():
            assert any(fits(example, kind) for example in examples), f"{name}, {argument}: {kind}"


def test_a_request_is_done() -> None:
    message = {"id": 7, "do": "signal_kernel", "with": {"kernel": 2, "number": 9}}
    assert answer(Receiver(), message) == {"id": 7, "value": 11}


@pytest.mark.parametrize(
    ("do", "arguments", "words"),
    [
        ("explode", {}, "BadRequest: there is no request 'explode'"),
        ("answer", {}, "BadRequest: there is no request 'answer'"),
        ("reset", {}, "BadRequest: reset is a request to another kind of engine"),
        ("signal_kernel", {"kernel": 2}, "BadRequest: signal_kernel lacks number"),
        ("signal_kernel", {"kernel": 2, "number": 9, "hard": 1}, "BadRequest: signal_kernel takes no hard"),
        ("signal_kernel", {"kernel": "2", "number": 9}, "signal_kernel takes kernel as int, not '2'"),
        ("signal_kernel", {"kernel": True, "number": 9}, "signal_kernel takes kernel as int, not True"),
        ("gate", {"closed": "yes"}, "gate takes closed as bool | None, not 'yes'"),
        ("stop", {"patience_s": "1"}, "stop takes patience_s as float, not '1'"),
        ("stop", {"patience_s": 1}, "RuntimeError: dockerd did not stop"),
    ],
)
def test_what_is_refused_is_named(do: str, arguments: dict[str, object], words: str) -> None:
    assert words in error_of(do, **arguments)


def test_a_keeper_passes_on_what_process_1_answers_and_nothing_unknown() -> None:
    assert is_for(Receiver(), {"do": "gate"})
    assert is_for(Receiver(), {"do": "explode"})
    assert not is_for(Receiver(), {"do": "reset"})


@pytest.mark.parametrize(
    ("value", "kind", "whether"),
    [
        ({"status": 0, "output": "x"}, Probed, True),
        ({"status": None, "output": "x"}, Probed, True),
        ({"status": "0", "output": "x"}, Probed, False),
        ({"output": "x"}, Probed, False),
        (["a", 1], list[str], False),
        ({"a": "b"}, dict[str, str], True),
        ({"a": 1}, dict[str, str], False),
        ({"a": [1]}, dict[str, object], True),
        (1, float, True),
        (True, float, False),
        (1.0, int, False),
        (0, None, False),
    ],
)
def test_values_and_kinds(value: object, kind: Any, whether: bool) -> None:
    assert fits(value, kind) is whether
