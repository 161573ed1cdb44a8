"""Verbs that ask what is *not* there, and what was before, against a inspector made up here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker import DockerClient

from grader.expect import HttpReply, Outcome
from grader.state import FileThere, Image, ImageConfig, Log, read_first_moment
from tests.unit.inspectors import BUSYBOX, FakeInspector, Question, ask, container, only_finding

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
"""When the inspector's containers were started last."""


def bound(*ports: tuple[str, str, int]) -> FakeInspector:
    """A container with these ports on the host: its own, the host's address, the host's port."""
    table: dict[str, list[dict[str, str]]] = {}
    for port, host_ip, host_port in ports:
        table.setdefault(port, []).append({"HostIp": host_ip, "HostPort": str(host_port)})
    return FakeInspector(container(NetworkSettings={"Ports": table}))


def test_publishing_one_port_and_nothing_else() -> None:
    home = ("5000/tcp", "127.0.0.1", 5001)
    assert ask(bound(home), lambda e: e.container("web").publishes_only(5000, 5001, host_ip="127.0.0.1")) == (
        Outcome.passed()
    )
    for other in (("5000/tcp", "0.0.0.0", 32768), ("5000/udp", "127.0.0.1", 5001), ("80/tcp", "", 8080)):
        words = only_finding(
            bound(home, other), lambda e: e.container("web").publishes_only(5000, 5001, host_ip="127.0.0.1")
        )
        assert "other ports: expected none" in words
        assert str(other[2]) in words


def test_both_families_of_addresses_are_one_place() -> None:
    everywhere = bound(("80/tcp", "0.0.0.0", 80), ("80/tcp", "::", 80))
    assert ask(everywhere, lambda e: e.container("web").publishes_only(80, 80)) == Outcome.passed()


def test_without_the_port_itself_the_finding_is_about_that() -> None:
    for inspector in (bound(), bound(("80/tcp", "127.0.0.1", 5001))):
        words = only_finding(inspector, lambda e: e.container("web").publishes_only(5000, 5001))
        assert "ports: expected 0.0.0.0:5001->5000/tcp" in words


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


def test_what_an_image_must_not_hold() -> None:
    inspector = FakeInspector()
    inspector.files = {"/secret.key": FileThere(3, text="abc")}
    assert ask(inspector, lambda e: e.image("busybox").lacks_file("/other.key")) == Outcome.passed()
    words = only_finding(inspector, lambda e: e.image("busybox").lacks_file("/secret.key"))
    assert "image busybox: file /secret.key: expected nothing, found something" in words


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


def test_one_line_is_never_too_fast() -> None:
    inspector = FakeInspector(container(), log=Log("hello\n"))
    inspector.first, inspector.marks = STARTED, ["2026-01-01T00:00:00.000000000Z hello"]
    assert ask(inspector, lambda e: e.container("web").prints_at_most(0.1)) == Outcome.passed()


def client_with(body: bytes, status: int = 200) -> DockerClient:
    """A client whose engine answers a request for a log with this."""

    class Answer:
        status_code = status

        def iter_content(self, size: int) -> list[bytes]:
            return [body[:size]]

        def raise_for_status(self) -> None: ...
        def close(self) -> None: ...

    def get(url: str, **options: Any) -> Answer:
        return Answer()

    api = SimpleNamespace(base_url="http://engine", api_version="1.45", get=get, timeout=5)
    return cast("DockerClient", SimpleNamespace(api=api))


@pytest.mark.parametrize("header", [b"", b"\x01\0\0\0\0\0\0\x2d"], ids=["a terminal", "frames"])
def test_the_time_of_the_first_line(header: bytes) -> None:
    body = header + b"2026-01-01T00:00:01.500000000Z hi\r\n"
    assert read_first_moment(client_with(body), "id") == STARTED + timedelta(seconds=1.5)


@pytest.mark.parametrize("body", [b"", b"hi", b"yes 2026-01-01T00:00:01.5Z", b"2026-99-01T00:00:01.5Z hi"])
def test_a_log_without_a_time_has_no_first_line(body: bytes) -> None:
    assert read_first_moment(client_with(body), "id") is None


def test_a_container_that_has_gone_has_no_first_line() -> None:
    assert read_first_moment(client_with(b"", 404), "id") is None


def test_being_on_these_networks_and_on_no_other() -> None:
    here = {"cellar": {"IPAddress": "10.0.0.2"}, "hall": {"IPAddress": "10.0.1.2"}}
    inspector = FakeInspector(container(NetworkSettings={"Networks": here}))
    both = ask(inspector, lambda e: e.container("web").is_only_on_networks("hall", "cellar"))
    assert both == Outcome.passed()
    words = only_finding(inspector, lambda e: e.container("web").is_only_on_networks("cellar"))
    assert "networks: expected not 'hall', found attached to it" in words
    words = only_finding(
        inspector, lambda e: e.container("web").is_only_on_networks("cellar", "hall", "attic")
    )
    assert "networks: expected 'attic'" in words


def test_a_second_name_in_a_network() -> None:
    here = {"estate": {"Aliases": ["db"], "DNSNames": ["web", "db"]}, "hall": {}}
    inspector = FakeInspector(container(NetworkSettings={"Networks": here}))
    assert ask(inspector, lambda e: e.container("web").has_alias("db", "estate")) == Outcome.passed()
    words = only_finding(inspector, lambda e: e.container("web").has_alias("db", "hall"))
    assert "names in hall: expected 'db', found none" in words
    assert "--network-alias db" in words
    words = only_finding(inspector, lambda e: e.container("web").has_alias("db", "attic"))
    assert "networks: expected 'attic'" in words


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


# What is said twice, or by the wrong one


def test_a_finding_is_told_once() -> None:
    inspector = FakeInspector(container(status="exited"))
    outcome = ask(inspector, lambda e: (e.container("web").is_running(), e.container("web").is_running()))
    assert len(outcome.findings) == 1


def test_the_name_of_an_image_that_was_built_again_is_not_enough() -> None:
    box = container(config={"Image": "ada/greeting:1.0"}, Image="sha256:old")
    inspector = FakeInspector(box)
    assert ask(inspector, lambda e: e.container("web").uses_image("ada/greeting:1.0")) == Outcome.passed()
    inspector.images = (Image.from_list({"Id": "sha256:new", "RepoTags": ["ada/greeting:1.0"]}),)
    told = only_finding(inspector, lambda e: e.container("web").uses_image("docker.io/ada/greeting:1.0"))
    assert "found an earlier image of that name" in told
    assert "run it again" in told


def test_what_is_printed_comes_from_elsewhere_than_the_command() -> None:
    inspector = FakeInspector(container(Path="cat", Args=["/word"]), log=Log(stdout="salve\n"))
    question: Question = lambda e: e.container("web").printed("salve", reveal=False, unprompted=True)  # noqa: E731
    assert ask(inspector, question) == Outcome.passed()
    for parts in ({"Path": "echo", "Args": ["salve"]}, {"config": {"Env": ["W=salve"]}}):
        inspector = FakeInspector(container(**parts), log=Log(stdout="salve\n"))
        told = only_finding(inspector, question)
        assert "one that holds it" in told
        assert "salve" not in told


def test_links_and_when_a_container_was_made() -> None:
    first = container("first", Created="2026-01-01T00:00:00Z")
    later = container("later", Created="2026-01-01T00:00:01Z", HostConfig={"Links": ["/db:/later/store"]})
    inspector = FakeInspector(first, later)
    right: Question = lambda e: e.container("first").has_no_links().made_before(e.container("later"))  # noqa: E731
    assert ask(inspector, right) == Outcome.passed()
    assert "'db:store'. A link is created with the container. Remove" in only_finding(
        inspector, lambda e: e.container("later").has_no_links()
    )
    inside = container("inside", NetworkSettings={"Networks": {"back": {"Links": ["db:store"]}}})
    told = only_finding(FakeInspector(inside), lambda e: e.container("inside").has_no_links())
    assert "found 'db:store'" in told
    assert "it is not the same one. Once more." in only_finding(
        inspector, lambda e: e.container("later").made_before(e.container("first"), "Once more.")
    )


@pytest.mark.parametrize(
    ("argv", "passes"),
    [(("sh",), True), (("bash", "-i"), True), (("sh", "-c", "id"), False), (("cat",), False)],
)
def test_a_shell_that_is_told_nothing(argv: tuple[str, ...], passes: bool) -> None:
    inspector = FakeInspector(container(Path=argv[0], Args=list(argv[1:])))
    assert (ask(inspector, lambda e: e.container("web").ran_a_shell()).status == "passed") is passes


def test_whichever_published_port_answers() -> None:
    ports = {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}], "53/udp": [{"HostPort": "53"}]}
    inspector = FakeInspector(container(NetworkSettings={"Ports": ports}))
    assert ask(inspector, lambda e: e.container("web").serves(containing="Hello")) == Outcome.passed()
    inspector.replies = [HttpReply(0, error="refused")]
    told = only_finding(inspector, lambda e: e.container("web").serves(containing="Hello", within_s=0))
    assert "no answer at '127.0.0.1:8081->8000/tcp'" in told
    inspector.replies = [HttpReply(200, "Salve")]
    told = only_finding(inspector, lambda e: e.container("web").serves(containing="Hello", within_s=0))
    assert "found HTTP 200 'Salve'" in told
    none = FakeInspector(container())
    assert "with `-p` or `-P`" in only_finding(none, lambda e: e.container("web").serves())


def test_which_program_answers() -> None:
    inspector = FakeInspector(container())
    inspector.replies = [HttpReply(200, "Hello", server="SimpleHTTP/0.6")]
    assert ask(inspector, lambda e: e.answers_http(80, server="SimpleHTTP")) == Outcome.passed()
    assert "found 'SimpleHTTP/0.6'" in only_finding(inspector, lambda e: e.answers_http(80, server="nginx"))


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


def test_the_kind_of_machine_in_every_form() -> None:
    arm = {"Os": "linux", "Architecture": "arm64", "Variant": "v8"}
    assert ImageConfig.from_inspect(arm).platforms == ("linux/arm64", "linux/arm64/v8")
    unnamed = {"Os": "linux", "Architecture": "arm64"}
    assert ImageConfig.from_inspect(unnamed).platforms == ("linux/arm64", "linux/arm64/v8")
    older = {"Os": "linux", "Architecture": "arm", "Variant": "v6"}
    assert ImageConfig.from_inspect(older).platforms == ("linux/arm", "linux/arm/v6")
    assert ImageConfig.from_inspect({"Os": "linux", "Architecture": "s390x"}).platforms == ("linux/s390x",)
    assert ImageConfig.from_inspect({"Os": "linux", "Architecture": "amd64"}).platforms == ("linux/amd64",)


def test_a_name_that_came_after_the_image() -> None:
    late = container("quirky_gould", status="created", config={"Cmd": ["--name", "web", "sleep", "9"]})
    told = only_finding(FakeInspector(late), lambda e: e.container("web"))
    assert "`--name web` before the image" in told
    assert "docker rm -f quirky_gould" in told


def test_no_container_that_is_asked_for_gives_its_name_away() -> None:
    inspector = FakeInspector(container("adb"))
    assert "`docker rename adb ada`" in only_finding(inspector, lambda e: e.container("ada"))
    assert "`--name ada`" in only_finding(inspector, lambda e: (e.container("adb"), e.container("ada")))


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


def test_a_file_that_came_with_the_image_is_not_removed_in_the_container() -> None:
    inspector = FakeInspector(container())
    inspector.files["/key"] = FileThere(1, text="k")
    assert "It comes from the image" in only_finding(
        inspector, lambda e: e.container("web").lacks_file("/key")
    )


def test_a_shell_that_the_image_runs_had_nothing_to_read() -> None:
    inspector = FakeInspector(container(status="exited", Path="bash", Args=[], config={"Cmd": ["bash"]}))
    inspector.config = {"Config": {"Cmd": ["bash"]}}
    assert "The Dockerfile needs a CMD" in only_finding(inspector, lambda e: e.container("web").printed("hi"))
    inspector.config = {"Config": {"Cmd": ["cat"]}}
    assert "with the command that prints it" in only_finding(
        inspector, lambda e: e.container("web").printed("hi")
    )


@pytest.mark.parametrize(
    ("cmd", "late"),
    [
        (["python", "app.py", "-p", "5101:5000"], True),
        (["python", "app.py", "--publish=5101:5000"], True),
        (["httpd", "-f", "-p", "80"], False),
    ],
)
def test_a_port_that_came_after_the_image(cmd: list[str], late: bool) -> None:
    inspector = FakeInspector(container(config={"Cmd": cmd}))
    told = only_finding(inspector, lambda e: e.container("web").publishes(5000, 5101))
    assert ("came after the image" in told) is late
    inspector.config = {"Config": {"Cmd": cmd}}  # the image's own
    told = only_finding(inspector, lambda e: e.container("web").publishes(5000, 5101))
    assert "came after the image" not in told
