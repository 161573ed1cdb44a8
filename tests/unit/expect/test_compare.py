"""Images that are meant by a name: one that belongs to another image now proves nothing."""

from __future__ import annotations

from grader.expect import Outcome
from tests.unit.inspectors import FakeInspector, Question, ask, container, only_finding


def test_a_name_proves_nothing_where_the_originals_are_known() -> None:
    other = "sha256:0dd" + "0" * 61
    inspector = FakeInspector(container())  # from "busybox", with the id sha256:b0b, which has that name
    question: Question = lambda e: e.container("web").uses_image("busybox")  # noqa: E731 - asked again
    assert ask(inspector, question) == Outcome.passed()
    inspector.originals = {"busybox:latest": "sha256:b0b"}
    assert ask(inspector, question) == Outcome.passed()
    assert ask(inspector, lambda e: e.image("busybox")) == Outcome.passed()
    inspector.originals = {"busybox:latest": other}
    assert "The name busybox now belongs to another image" in only_finding(inspector, question)
    assert "found another" in only_finding(inspector, lambda e: e.image("busybox"))
    assert "still here" in only_finding(inspector, lambda e: e.has_no_image("busybox"))
    count: Question = lambda e: e.containers(image="busybox").number(1)  # noqa: E731
    assert "found 0 containers" in only_finding(inspector, count)
    inspector.boxes = (container(Image=other),)
    assert ask(inspector, question) == Outcome.passed(), "the original, under whatever name it was started"
    assert ask(inspector, lambda e: e.container("web").uses_image("debian")).status == "failed"
