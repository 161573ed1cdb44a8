"""What a check finds in one container: how it runs and ends, what it printed, its files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grader.expect import Outcome
from grader.state import Container, FileThere, Image, Log
from tests.unit.inspectors import FakeInspector, Question, ask, container, only_finding

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
"""When the inspector's containers were started last."""


@pytest.mark.parametrize(
    ("box", "question", "words"),
    [
        (container(status="exited", state={"ExitCode": 137, "OOMKilled": True}), "exited", "more memory"),
        (container(status="exited", state={"ExitCode": 127}), "exited", "typing mistake"),
        (container(status="exited", state={"ExitCode": 126}), "exited", "cannot be executed"),
        (
            container(status="created", state={"ExitCode": 127, "Error": "no such file"}),
            "exited",
            "the engine says 'no such file'.",
        ),
        (container(status="paused"), "is_running", "docker unpause web"),
        (container(status="restarting", state={"ExitCode": 1}), "is_running", "again and again"),
        (container(), "was_restarted", "docker restart web"),
    ],
)
def test_each_ending_has_its_words(box: Container, question: str, words: str) -> None:
    assert words in only_finding(FakeInspector(box), lambda e: getattr(e.container(box.name), question)())


@pytest.mark.parametrize(
    ("parts", "codes", "words"),
    [
        (
            {"Path": "sh", "Args": [], "config": {"OpenStdin": True}},
            (0,),
            "run `docker attach web`, then type `exit`",
        ),
        ({}, (143, 130), "with `--init`. Then `docker stop web`"),
        ({"HostConfig": {"Init": True}}, (143,), "Stop it: `docker stop web`"),
        ({}, (0,), "`docker wait web` waits for its end"),
    ],
)
def test_how_one_that_runs_comes_to_its_end(
    parts: dict[str, Any], codes: tuple[int, ...], words: str
) -> None:
    assert words in only_finding(
        FakeInspector(container(**parts)), lambda e: e.container("web").exited(*codes)
    )


def test_a_line_in_one_word_is_told_apart() -> None:
    box = container(Path="/bin/echo Hello world", Args=[])
    assert "passed as one word" in only_finding(
        FakeInspector(box), lambda e: e.container("web").ran("/bin/echo", "Hello world")
    )


@pytest.mark.parametrize(
    ("argv", "passes"),
    [(("sh",), True), (("bash", "-i"), True), (("sh", "-c", "id"), False), (("cat",), False)],
)
def test_a_shell_that_is_told_nothing(argv: tuple[str, ...], passes: bool) -> None:
    inspector = FakeInspector(container(Path=argv[0], Args=list(argv[1:])))
    assert (ask(inspector, lambda e: e.container("web").ran_a_shell()).status == "passed") is passes


def test_the_name_of_an_image_that_was_built_again_is_not_enough() -> None:
    box = container(config={"Image": "ada/greeting:1.0"}, Image="sha256:old")
    inspector = FakeInspector(box)
    assert ask(inspector, lambda e: e.container("web").uses_image("ada/greeting:1.0")) == Outcome.passed()
    inspector.images = (Image.from_list({"Id": "sha256:new", "RepoTags": ["ada/greeting:1.0"]}),)
    told = only_finding(inspector, lambda e: e.container("web").uses_image("docker.io/ada/greeting:1.0"))
    assert "found an earlier image of that name" in told
    assert "run it again" in told


def test_output_that_can_no_longer_be_read() -> None:
    inspector = FakeInspector(container(), log=Log(unreadable="the log driver keeps nothing"))
    assert "the log driver keeps nothing" in only_finding(
        inspector, lambda e: e.container("web").printed("hi")
    )


def test_what_is_printed_comes_from_elsewhere_than_the_command() -> None:
    inspector = FakeInspector(container(Path="cat", Args=["/word"]), log=Log(stdout="salve\n"))
    question: Question = lambda e: e.container("web").printed("salve", reveal=False, unprompted=True)  # noqa: E731
    assert ask(inspector, question) == Outcome.passed()
    for parts in ({"Path": "echo", "Args": ["salve"]}, {"config": {"Env": ["W=salve"]}}):
        inspector = FakeInspector(container(**parts), log=Log(stdout="salve\n"))
        told = only_finding(inspector, question)
        assert "one that holds it" in told
        assert "salve" not in told


def test_a_shell_that_the_image_runs_had_nothing_to_read() -> None:
    inspector = FakeInspector(container(status="exited", Path="bash", Args=[], config={"Cmd": ["bash"]}))
    inspector.config = {"Config": {"Cmd": ["bash"]}}
    assert "The Dockerfile needs a CMD" in only_finding(inspector, lambda e: e.container("web").printed("hi"))
    inspector.config = {"Config": {"Cmd": ["cat"]}}
    assert "with the command that prints it" in only_finding(
        inspector, lambda e: e.container("web").printed("hi")
    )


def test_a_log_from_before_the_latest_start_tells_of_an_earlier_one() -> None:
    inspector = FakeInspector(container(status="exited"))
    inspector.first = STARTED - timedelta(milliseconds=1)
    assert ask(inspector, lambda e: e.container("web").was_started_again()) == Outcome.passed()
    for first in (None, STARTED, STARTED + timedelta(seconds=1)):
        inspector.first = first
        words = only_finding(inspector, lambda e: e.container("web").was_started_again())
        assert "expected started again after it had ended" in words
        assert "docker start -ai web" in words


def test_a_log_that_grows_too_fast() -> None:
    inspector = FakeInspector(container())
    inspector.first, inspector.marks = STARTED, ["2026-01-01T00:00:03.000000000Z hello"]
    for lines, fits in ((4, True), (8, True), (9, False), (5000, False)):
        inspector.log = Log("hello\n" * lines)
        if fits:
            assert ask(inspector, lambda e: e.container("web").prints_at_most(2)) == Outcome.passed()
        else:
            words = only_finding(inspector, lambda e: e.container("web").prints_at_most(2))
            assert f"expected at most 2 lines per second, found {lines} lines in 3.0 s" in words
            assert "sleep 1" in words


def test_a_log_that_has_only_begun_is_watched() -> None:
    inspector = FakeInspector(container(), log=Log("hello\n" * 11))
    inspector.first = STARTED
    inspector.marks = [f"2026-01-01T00:00:0{at}00000000Z hello" for at in ("0.2", "0.9", "2.1")]
    words = only_finding(inspector, lambda e: e.container("web").prints_at_most(2))
    assert "found 11 lines in 2.1 s" in words


def test_one_line_is_never_too_fast() -> None:
    inspector = FakeInspector(container(status="exited"), log=Log("hello\n"))
    inspector.first, inspector.marks = STARTED, ["2026-01-01T00:00:00.000000000Z hello"]
    assert ask(inspector, lambda e: e.container("web").prints_at_most(0.1)) == Outcome.passed()


def test_a_text_that_must_have_gone_from_a_file_that_stays() -> None:
    inspector = FakeInspector(container())
    inspector.files = {"/etc/group": FileThere(40, text="root:x:0:\ndocker:x:101:ann\n")}
    assert ask(inspector, lambda e: e.container("web").lacks_text("/etc/group", "ann2")) == Outcome.passed()
    words = only_finding(
        inspector, lambda e: e.container("web").lacks_text("/etc/group", "\ndocker:", "`groupdel docker`.")
    )
    assert "file /etc/group: expected one without '\\ndocker:'" in words
    assert "`groupdel docker`" in words
    words = only_finding(inspector, lambda e: e.container("web").lacks_text("/etc/passwd", "ann"))
    assert "file /etc/passwd: expected there, found nothing" in words


def test_a_file_that_came_with_the_image_is_not_removed_in_the_container() -> None:
    inspector = FakeInspector(container())
    inspector.files["/key"] = FileThere(1, text="k")
    assert "It comes from the image" in only_finding(
        inspector, lambda e: e.container("web").lacks_file("/key")
    )
