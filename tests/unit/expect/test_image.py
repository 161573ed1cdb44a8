"""What a check finds in an image: its files, and the steps that made it."""

from __future__ import annotations

import pytest

from grader.expect import Outcome
from grader.state import FileThere, Image
from tests.unit.inspectors import BUSYBOX, FakeInspector, Question, ask, only_finding


def test_what_an_image_must_not_hold() -> None:
    inspector = FakeInspector()
    inspector.files = {"/secret.key": FileThere(3, text="abc")}
    assert ask(inspector, lambda e: e.image("busybox").lacks_file("/other.key")) == Outcome.passed()
    words = only_finding(inspector, lambda e: e.image("busybox").lacks_file("/secret.key"))
    assert "image busybox: file /secret.key: expected nothing, found something" in words


def test_one_of_several_words_of_a_history() -> None:
    inspector = FakeInspector()
    right: list[Question] = [
        lambda e: e.image("busybox").was_made_by("RUN make"),
        lambda e: e.image("busybox").was_made_by("RUN  make"),
        lambda e: e.image("busybox").was_made_by("COPY", "RUN make"),
    ]
    for question in right:
        assert ask(inspector, question) == Outcome.passed()
    words = only_finding(inspector, lambda e: e.image("busybox").was_made_by("COPY", "ADD"))
    assert "history: expected 'COPY' or 'ADD'" in words


@pytest.mark.parametrize(
    ("steps", "passes"),
    [
        (("CMD [cat]", "COPY a /a # buildkit"), True),
        (("/bin/sh -c #(nop)  CMD [cat]", "/bin/sh -c #(nop) ADD file:1 in /a "), True),
        (("RUN /bin/sh -c echo COPY > /a # buildkit", "LABEL a=COPY"), False),
        (("/bin/sh -c echo COPY > /a",), False),
        ((), False),
    ],
)
def test_an_instruction_of_its_own_copies(steps: tuple[str, ...], passes: bool) -> None:
    below = ("CMD [sh]", "ADD rootfs.tar / # buildkit")
    inspector = FakeInspector()
    inspector.images = (BUSYBOX, Image.from_list({"Id": "sha256:own", "RepoTags": ["own:latest"]}))
    inspector.histories = {BUSYBOX.id: below, "sha256:own": (*steps, *below)}
    assert (ask(inspector, lambda e: e.image("own").copies_files("busybox")).status == "passed") is passes
