"""Every verb of a check, seen passing and failing on real containers."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from docker.errors import APIError

from grader.engine.host import HostEngine
from grader.errors import Blocked
from grader.expect import Checker, LiveInspector
from grader.state import Snapshot, read_file, read_log
from tests.engine.asking import Course

LOOP = ["sh", "-c", "while true; do echo tick; sleep 0.2; done"]


@pytest.fixture(params=["sandbox", pytest.param("host", marks=[pytest.mark.root, pytest.mark.slow])])
def anywhere(request: pytest.FixtureRequest) -> Iterator[Course]:
    """A fresh sandbox, then this system's own engine: another API version, another runtime."""
    if request.param == "sandbox":
        yield request.getfixturevalue("course")
        return
    with HostEngine(f"unix://{request.getfixturevalue('dockerd').socket}").start() as engine:
        course = Course(engine.docker_host, engine.client())
        yield course
        course.inspector.close()
        engine.reset()


def test_a_command_that_ended(anywhere: Course) -> None:
    anywhere.ended("greeter", ["/bin/echo", "Hello world"])
    anywhere.ended("shell", ["sh", "-c", "echo 'Hello world'"])
    anywhere.ended("complains", ["sh", "-c", "echo oops >&2; exit 3"])
    anywhere.run("lasts", LOOP)
    anywhere.passes(
        lambda e: e.container("greeter").uses_image("busybox").ran("/bin/echo", "Hello world").exited(0),
        lambda e: e.container("greeter").printed("Hello world").is_stopped(),
        lambda e: e.container("greeter").uses_image("docker.io/library/busybox:latest", tag_matters=True),
        lambda e: e.container("shell").ran("echo", "Hello world").runs_command_containing("Hello  world"),
        lambda e: e.container("complains").exited(1, 3).printed_to_stderr("oops"),
        lambda e: e.container(e.container("greeter").id[:12]).is_named("greeter"),
        lambda e: e.container("greeter").ran("/bin/echo", "Hello world", exact=True),
        lambda e: e.container("lasts").is_running().prints_again().ran(*LOOP).printed("tick\ntick"),
        lambda e: e.container("shell").finished_after(e.container("greeter")),
    )
    anywhere.fails(
        (lambda e: e.container("greetr").exited(), "The closest is 'greeter'"),
        (lambda e: e.container("greeter").uses_image("hello-world"), "found 'busybox'"),
        (lambda e: e.container("greeter").uses_image("busybox:1.36"), "the tag is not (no tag means latest)"),
        (lambda e: e.container("greeter").ran("/bin/echo", "Goodbye"), 'found ["/bin/echo", "Hello world"]'),
        (lambda e: e.container("shell").ran("echo", "Hello world", exact=True), "found"),
        (lambda e: e.container("greeter").exited(1), "expected 1, found 0"),
        (lambda e: e.container("complains").exited(), "found 3"),
        (lambda e: e.container("lasts").exited(), "none yet: it is running"),
        (lambda e: e.container("lasts").is_stopped(), "docker stop lasts"),
        (lambda e: e.container("greeter").is_running(), "it would end again: remove the container"),
        (lambda e: e.container("greeter").prints_again(), "a container that is exited"),
        (lambda e: e.container("greeter").printed("Hello World"), "capitals"),
        (lambda e: e.container("complains").printed("oops"), "in the container's error output instead"),
        (lambda e: e.container("greeter").printed_to_stderr("Hello"), "in the container's output instead"),
        (lambda e: e.container("greeter").runs_command_containing("Bye"), "expected one with 'Bye'"),
        (lambda e: e.container("greeter").finished_after(e.container("shell")), "ended before"),
        (lambda e: e.container("greeter").is_named("greet"), "expected 'greet'"),
    )
    hidden = anywhere.ask(lambda e: e.container("greeter").printed("secret", reveal=False)).findings[0]
    assert "secret" not in str(hidden)


def test_why_it_did_not_run(anywhere: Course) -> None:
    anywhere.client.containers.create("busybox", ["true"], name="made")
    with pytest.raises(APIError, match=r"executable file.* not found"):
        anywhere.run("lost", ["nosuchprogram"], init=False)
    anywhere.ended("not-found", ["sh", "-c", "nosuchprogram"])
    killed = anywhere.run("killed", ["sleep", "60"])
    killed.kill()
    killed.wait(timeout=20)
    anywhere.run("silent", ["sleep", "60"])
    anywhere.fails(
        (lambda e: e.container("made").exited(), "never started: `docker create` creates a container"),
        (lambda e: e.container("made").is_running(), "found created"),
        (lambda e: e.container("made").is_stopped(), "never started"),
        (lambda e: e.container("lost").exited(), "no program 'nosuchprogram' is in the image"),
        (lambda e: e.container("not-found").exited(), "127 (the command was not found in the image)"),
        (lambda e: e.container("killed").exited(), "137 (killed"),
        (lambda e: e.container("silent").prints_again(0.3), "nothing printed in 0.3 s"),
    )


def test_one_in_its_last_moments_is_waited_for(course: Course) -> None:
    course.run("short", ["sh", "-c", "sleep 0.2; echo done"])
    course.passes(lambda e: e.container("short").exited().printed("done"))


def test_terminal_standard_input_and_settings(anywhere: Course) -> None:
    anywhere.run(
        "desk", ["sleep", "60"], tty=True, stdin_open=True, labels={"team": "blue"}, environment={"A": "1"}
    )
    anywhere.run("plain", ["sleep", "60"], restart_policy={"Name": "on-failure"})
    anywhere.ended("colours", ["sh", "-c", "echo out; echo err >&2"], tty=True)
    anywhere.passes(
        lambda e: e.container("desk").has_tty().keeps_stdin_open().has_restart_policy("no"),
        lambda e: (
            e.container("desk").has_label("team", "blue").has_label("team").has_env("A", "1").has_env("A")
        ),
        lambda e: e.container("desk").has_command("sleep", "60").has_entrypoint(),
        lambda e: e.container("plain").has_restart_policy("on-failure"),
        lambda e: e.container("colours").printed("out\nerr"),
    )
    anywhere.fails(
        (lambda e: e.container("plain").has_tty(), "`-t`"),
        (lambda e: e.container("plain").keeps_stdin_open(), "`-i`"),
        (lambda e: e.container("desk").has_label("team", "red"), "found 'blue'"),
        (lambda e: e.container("desk").has_label("colour"), "there are 'team'"),
        (lambda e: e.container("desk").has_env("A", "2"), "expected '2', found '1'"),
        (lambda e: e.container("desk").has_command("sleep"), "command without entry point"),
        (lambda e: e.container("desk").has_entrypoint("sleep"), "found no command"),
        (lambda e: e.container("desk").has_restart_policy("always"), "found 'no'"),
    )


def test_ports(anywhere: Course) -> None:
    ports = {"80/tcp": 5001, "53/udp": ("127.0.0.1", 5002)}
    anywhere.run("web", ["httpd", "-f", "-p", "80", "-h", "/etc"], ports=ports)
    anywhere.run("all", ["sleep", "60"], publish_all_ports=True)
    anywhere.passes(
        lambda e: e.container("web").publishes(80).publishes(80, 5001).publishes(80, host_ip="0.0.0.0"),
        lambda e: e.container("web").publishes(53, 5002, host_ip="127.0.0.1", proto="udp"),
        lambda e: e.container("all").publishes_all_ports(),
    )
    anywhere.fails(
        (lambda e: e.container("web").publishes(8080), "and run it again with `-p 8080`"),
        (lambda e: e.container("web").publishes(80, 80), "expected 0.0.0.0:80->80/tcp"),
        (lambda e: e.container("web").publishes(5001, 80), "The two are swapped"),
        (lambda e: e.container("web").publishes(53), "`53/tcp`"),
        (lambda e: e.container("web").publishes(80, 5001, host_ip="127.0.0.1"), "-p 127.0.0.1:5001:80"),
        (lambda e: e.container("web").publishes_all_ports(), "`-P`"),
    )
    anywhere.client.containers.get("web").stop(timeout=1)
    anywhere.passes(lambda e: e.container("web").publishes(80, 5001))


def test_web_servers(course: Course) -> None:
    """Nothing listens there; which is a finding, not a crash."""
    course.run("web", ["httpd", "-f", "-p", "80", "-h", "/etc"])
    course.fails((lambda e: e.container("web").answers_http(81, within_s=0.2), "no answer"))


def test_files(anywhere: Course) -> None:
    anywhere.ended("writer", ["sh", "-c", "echo hello > /tmp/note; mkdir /tmp/d; ln -s /tmp/note /tmp/l"])
    anywhere.ended("loop", ["ln", "-s", "/loop", "/loop"])
    anywhere.passes(
        lambda e: e.container("writer").has_file("/tmp/note", containing="hello").lacks_file("/tmp/other"),
        lambda e: e.container("writer").has_file("/tmp/d").has_file("/tmp/l"),
        lambda e: e.image("busybox").has_file("/bin/busybox"),
    )
    anywhere.fails(
        (lambda e: e.container("writer").has_file("/tmp/other"), "found nothing"),
        (lambda e: e.container("loop").has_file("/loop/x"), "too many l"),
        (lambda e: e.container("writer").has_file("/tmp/note", containing="bye"), "expected one with 'bye'"),
        (lambda e: e.container("writer").lacks_file("/tmp/note"), "found something"),
        (lambda e: e.image("busybox").has_file("/tmp/note"), "`COPY`"),
    )
    writer = Snapshot.read(anywhere.client).container("writer")
    assert writer is not None
    folder, link = (read_file(anywhere.client, writer.id, path) for path in ("/tmp/d", "/tmp/l"))
    assert folder is not None
    assert folder.folder
    assert link is not None
    assert link.link == "/tmp/note"
    assert len(Snapshot.read(anywhere.client).containers) == 2, "looking into an image must leave nothing"


def test_images(anywhere: Course) -> None:
    box = anywhere.ended("change", ["sh", "-c", "echo new > /etc/new"])
    box.commit("mine", "v1", message="added a file", author="Ada")
    anywhere.client.images.get("mine:v1").tag("mine", "stable")
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, text in (
            ("Dockerfile", b'FROM busybox\nCOPY note /note\nLABEL team=blue\nCMD ["cat", "/note"]\n'),
            ("note", b"from the context"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    context.seek(0)
    anywhere.client.images.build(fileobj=context, custom_context=True, tag="built")
    anywhere.passes(
        lambda e: e.image("mine:v1").has_author("Ada").has_comment("added a file").builds_on("busybox"),
        lambda e: (
            e.image("mine:v1").same_as("mine:stable").same_as(e.image("mine:stable")).has_tag("mine:stable")
        ),
        lambda e: e.image("mine:v1").adds_layers(1, "busybox").has_file("/etc/new", containing="new"),
        lambda e: e.image("built").has_file("/note", containing="context").was_made_by("COPY"),
        lambda e: e.image("built").has_command("cat", "/note").has_entrypoint().has_label("team", "blue"),
        lambda e: e.has_no_image("other"),
    )
    anywhere.fails(
        (lambda e: e.image("mine"), "The closest is 'mine:"),
        (lambda e: e.image("buitl"), "The closest is 'built:latest'"),
        (lambda e: e.image("mine:v1").has_author("Bob"), "expected 'Bob', found 'Ada'"),
        (lambda e: e.image("mine:v1").has_comment("removed"), "found 'added a file'"),
        (lambda e: e.image("mine:v1").same_as("built"), "A tag is a second name"),
        (lambda e: e.image("mine:v1").same_as("nothing"), "no image of that name"),
        (lambda e: e.image("mine:v1").has_tag("mine:v2"), "docker tag"),
        (lambda e: e.image("mine:v1").builds_on("built"), "other layers below"),
        (lambda e: e.image("mine:v1").builds_on("mine:stable"), "no layer of its own"),
        (lambda e: e.image("mine:v1").builds_on("nothing"), "Pull it first"),
        (lambda e: e.image("mine:v1").adds_layers(2, "busybox"), "1 layer more"),
        (lambda e: e.image("mine:v1").adds_layers(0, "built"), "other layers below"),
        (lambda e: e.image("mine:v1").adds_layers(1, "nothing"), "no 'nothing' to compare with"),
        (lambda e: e.image("built").lacks_file("/note"), "found something"),
        (lambda e: e.image("built").was_made_by("VOLUME"), "docker history"),
        (lambda e: e.image("built").has_command("sh"), 'found ["cat", "/note"]'),
        (lambda e: e.image("built").has_entrypoint("sh"), "found no command"),
        (lambda e: e.image("built").has_label("team", "red"), "found 'blue'"),
        (lambda e: e.has_no_image("built"), "docker rmi"),
    )
    # Another tag of the same image does, unless the tag is what the task teaches.
    anywhere.ended("tagged", ["true"], image="mine:stable")
    anywhere.passes(lambda e: e.container("tagged").uses_image("mine:v1"))
    anywhere.fails(
        (lambda e: e.container("tagged").uses_image("mine:v1", tag_matters=True), "the tag is not")
    )


def test_networks(anywhere: Course) -> None:
    anywhere.client.networks.create("back", internal=True)
    anywhere.run("db", ["sleep", "60"], network="back")
    anywhere.run("web", ["sleep", "60"])
    anywhere.run("old", ["sleep", "60"], links={"web": "www"})
    anywhere.passes(
        lambda e: e.network("back").connects("db").has_driver("bridge").is_internal(),
        lambda e: e.container("db").is_on_network("back").is_not_on_network("bridge"),
        lambda e: e.container("old").links_to("web").links_to("web", "www"),
        lambda e: e.has_no_network("front"),
    )
    anywhere.fails(
        (lambda e: e.network("bck"), "The closest is 'back'"),
        (lambda e: e.network("back").connects("db", "web"), "docker network connect back web"),
        (lambda e: e.network("back").has_driver("host"), "found 'bridge'"),
        (lambda e: e.network("bridge").is_internal(), "`--internal`"),
        (lambda e: e.container("web").is_on_network("back"), "found 'bridge'"),
        (lambda e: e.container("db").is_not_on_network("back"), "disconnect"),
        (lambda e: e.container("old").links_to("db"), "found 'web:www'"),
        (lambda e: e.has_no_network("back"), "docker network rm"),
    )


def test_several_containers_and_life(course: Course) -> None:
    course.run("one", ["sleep", "60"])
    course.ended("two", ["true"])
    course.run("three", ["sleep", "60"]).restart(timeout=1)
    course.passes(
        lambda e: e.containers(image="busybox").number(3).number_at_least(3),
        lambda e: e.containers(status="running").number(2).newest().is_named("three"),
        lambda e: [box.is_stopped() for box in e.containers(status="exited")],
        lambda e: e.container("three").was_restarted(),
        lambda e: e.has_no_container("four"),
    )
    course.fails(
        (lambda e: e.containers(image="busybox").number(2), "found 3 containers: 'three', 'two', 'one'"),
        (
            lambda e: e.containers(status="paused").number_at_least(1),
            "expected 1 or more, found 0 containers",
        ),
        (lambda e: e.containers(image="hello-world").newest(), "3 containers in all"),
        (lambda e: e.container("one").was_restarted(), "runs for the first time"),
        (lambda e: e.has_no_container("one"), "`docker stop` it"),
    )


def test_answers_and_the_engines_information(course: Course) -> None:
    box = course.run("web", ["sleep", "60"])
    course.answers |= {
        "who": box.short_id,
        "full": box.id,
        "kernel": course.client.info()["KernelVersion"],
        "wrong": "db",
    }
    course.passes(
        lambda e: e.answer("who").names(e.container("web")),
        lambda e: e.answer("full").container().is_running(),
        lambda e: e.answer("kernel").equals(e.info("KernelVersion")),
    )
    course.fails(
        (lambda e: e.answer("wrong").names(e.container("web")), "found 'db'"),
        (lambda e: e.answer("wrong").container(), "Containers here: 'web'"),
        (lambda e: e.answer("nothing"), "nothing = ..."),
    )


def test_a_container_that_keeps_changing_is_failed(course: Course) -> None:
    box = course.run("restless", ["sleep", "60"], init=False)
    stop = threading.Event()

    def shake() -> None:
        while not stop.is_set():
            box.restart(timeout=0)

    thread = threading.Thread(target=shake)
    thread.start()
    try:
        time.sleep(0.3)
        # One look may fall between two restarts; none of several may take it for settled and fine.
        outcomes = [course.ask(lambda e: e.container("restless").uses_image("busybox")) for _ in range(5)]
    finally:
        stop.set()
        thread.join()
    assert any("state during the check" in str(outcome.findings) for outcome in outcomes), outcomes


def test_a_log_without_end_is_bounded(course: Course) -> None:
    flood = course.run("flood", ["sh", "-c", "yes flood | head -c 3000000; echo END >&2"])
    flood.wait(timeout=60)
    log = read_log(course.client, flood.id, 100_000)
    assert log.truncated
    assert 40_000 < len(log.stdout) <= 100_000  # the frames' headers count too
    course.passes(lambda e: e.container("flood").printed("flood\nflood"))
    course.fails((lambda e: e.container("flood").printed("END"), "its first part"))


def test_no_log_is_a_finding_and_bad_bytes_are_replaced(course: Course) -> None:
    course.ended("mute", ["echo", "hi"], log_config={"Type": "none"})
    course.ended("noise", ["printf", r"\377\033[31mred"])
    course.fails(
        (lambda e: e.container("mute").printed("hi"), "none that can be read"),
        (lambda e: e.container("noise").printed("blue"), r"'�\x1b[31mred'"),
    )


def test_no_engine_is_not_the_students_fault(course: Course) -> None:
    nowhere = LiveInspector({}, environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    checker = Checker(nowhere)
    with pytest.raises(Blocked, match="dockbook doctor"), checker.check("task") as engine:
        engine.container("web")
    assert checker.outcomes["task"].status == "blocked"


def test_a_check_costs_little_beyond_the_engine(course: Course) -> None:
    """At most 50 ms of processor more than asking the engine takes, with what a chapter leaves behind."""
    for number in range(8):
        course.ended(f"box-{number}", ["echo", "hi"])
    # The student's way in, as the check's: the trusted side's client meets no authorization.
    api = course.inspector.client().api

    def bare() -> None:
        for listed in api.containers(all=True):
            api.inspect_container(listed["Id"])
        for question in (api.images, api.networks, api.volumes):
            question()
        api.logs("box-0")

    def check() -> None:
        course.passes(lambda e: e.container("box-0").uses_image("busybox").exited().printed("hi"))

    assert _best_of(5, check) - _best_of(5, bare) < 0.05


def _best_of(times: int, action: Callable[[], None]) -> float:
    """Seconds of processor that the quickest run took here: others' work on the machine does not count."""
    seconds = []
    for _ in range(times):
        began = time.process_time()
        action()
        seconds.append(time.process_time() - began)
    return min(seconds)
