"""Which tests stay together when workers share them."""

from __future__ import annotations

import pytest

from tests.scheduling import scope


@pytest.mark.parametrize(
    ("nodeid", "together"),
    [
        ("tests/engine/test_backends.py::test_build_as_typed[vm-0]", "vm"),
        ("tests/engine/test_vm_full_disk.py::test_where_another_has_filled_the_disk", "vm"),
        ("tests/engine/test_backends.py::test_it_is_ready[nested]", "nested"),
        ("tests/engine/test_nested.py::test_the_doctor_sees_it[nested]", "nested"),
        ("tests/grading/hostile/test_attacks.py::test_an_attack[1 tag]", "attacked"),
        ("tests/grading/hostile/test_strings.py::test_a_report[8 [vm]]", "attacked"),
        ("tests/grading/test_collect.py::test_zip", "tests/grading/test_collect.py"),
        ("tests/unit/engine/test_nested.py::test_a_reason", "tests/unit/engine/test_nested.py"),
        ("tests/unit/engine/image/test_vm_image.py::test_a_disk", "tests/unit/engine/image/test_vm_image.py"),
        ("tests/course/test_nbval.py::test_the_notebook[ch05]", "tests/course/test_nbval.py"),
        ("tests/course/test_cases.py::test_case[ch01]", "tests/course/test_cases.py::test_case[ch01]"),
    ],
)
def test_what_is_made_once_is_shared(nodeid: str, together: str) -> None:
    assert scope(nodeid) == together


def test_each_test_of_a_sandbox_is_on_its_own() -> None:
    first, second = (f"tests/engine/test_backends.py::test_pause[sandbox-{number}]" for number in range(2))
    assert scope(first) != scope(second)
