"""``configure("daemon.json")`` before a made-up engine: what is refused, in which words."""

from __future__ import annotations

import contextlib
import json
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader import variables
from grader.errors import EngineError
from grader.notebook.configure import ConfigurationRefused, configurer


class Engine:
    """Takes daemon.json at a socket as process 1 does; its ``info`` follows after a moment."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "c.sock")
        self.reply: bytes = b'{"ok": true}\n'
        self.asked: list[Any] = []
        self.info: dict[str, Any] = {"RegistryConfig": {"Mirrors": None, "IndexConfigs": {}}, "Debug": False}
        self.looks = 0
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.address)
        self._server.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._server.accept()
            except OSError:
                return
            with visitor:
                line = visitor.makefile("rb").readline()
                if line:
                    self.asked.append(json.loads(line))
                visitor.sendall(self.reply)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def client(self) -> Any:
        def info() -> Mapping[str, Any]:
            self.looks += 1
            daemon = self.asked[-1]["daemon"] if self.asked and self.looks > 2 else {}
            shown = dict(self.info)
            registry = dict(shown["RegistryConfig"])
            if daemon.get("registry-mirrors"):
                registry["Mirrors"] = [f"{mirror}/" for mirror in daemon["registry-mirrors"]]
            if "insecure-registries" in daemon:
                registry["IndexConfigs"] = {name: {"Secure": False} for name in daemon["insecure-registries"]}
            return shown | {"RegistryConfig": registry, "Labels": daemon.get("labels")}

        return SimpleNamespace(api=SimpleNamespace(info=info, timeout=5))


@pytest.fixture
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="c-") as folder:
        running = Engine(Path(folder))
        yield running
        running.close()


Configure = Callable[[str], None]


@pytest.fixture
def configure(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    monkeypatch.chdir(tmp_path)
    configure = configurer(engine.client, environment={"DOCKBOOK_CONTROL": engine.address}, shown_s=0.5)

    def write_and_configure(text: str) -> None:
        Path("daemon.json").write_bytes(text.encode("latin-1"))
        configure("daemon.json")

    return write_and_configure


def test_it_is_sent_seen_and_told_in_one_line(
    engine: Engine, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = {"registry-mirrors": ["http://mirror"], "insecure-registries": ["box:5000"], "labels": ["a=b"]}
    configure(json.dumps(daemon))
    assert engine.asked == [{"daemon": daemon}]
    assert engine.looks > 2, "it waits for docker info to follow"
    names = "registry-mirrors, insecure-registries, labels"
    assert capsys.readouterr().out == f"The engine has taken daemon.json: {names}.\n"
    configure("{}")
    assert capsys.readouterr().out == "The engine has taken daemon.json: no options.\n"


@pytest.mark.parametrize(
    ("text", "words", "step"),
    [
        ('{\n  "debug": true\n  "labels": []\n}', "line 3, column 3", "a comma, a quote or a bracket"),
        ('{"debug": true,}', "line 1, column", "none after the last item"),
        ("{'debug': true}", "line 1, column 2", "double quotes"),
        ('{"debug": True}', "line 1, column 11", "true, false and null"),
        ("", "line 1, column 1", "the smallest daemon.json"),
        ("[]", "does not hold a JSON object", "in braces"),
        ('{"debug": true, "debug": false}', "'debug' occurs twice in it", ""),
        ('{"max-concurrent-downloads": NaN}', "NaN is not a JSON value", ""),
        ("\xff", "not text in UTF-8", ""),
        ("[" * 100_000, "too long", ""),
        ("[" * 60_000, "nested too deeply", ""),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(
    engine: Engine, configure: Configure, text: str, words: str, step: str
) -> None:
    with pytest.raises(ConfigurationRefused) as caught:
        configure(text)
    assert words in caught.value.what
    assert "daemon.json" in caught.value.what
    assert step in caught.value.next_step
    assert engine.asked == []


@pytest.mark.parametrize(
    "mirror",
    ["mirror", "mirror:80", "ftp://mirror", "//mirror", "http://", "http:/mirror", "http://[", "", 80],
)
def test_a_mirror_that_is_no_address_is_refused_at_once(
    engine: Engine, configure: Configure, mirror: object
) -> None:
    """Not after a wait for what the daemon will never show."""
    with pytest.raises(ConfigurationRefused) as caught:
        configure(json.dumps({"registry-mirrors": ["http://good", mirror]}))
    assert caught.value.what.startswith("The engine does not take daemon.json: the mirror ")
    assert repr(mirror) in caught.value.what
    assert "http://" in caught.value.next_step
    assert (engine.asked, engine.looks) == ([], 0)


@pytest.mark.parametrize(
    "mirror", ["http://mirror", "https://mirror:5000/", "HTTP://10.0.0.1", "http://[::1]"]
)
def test_a_mirror_that_is_an_address_is_handed_over(
    engine: Engine, configure: Configure, mirror: str
) -> None:
    with contextlib.suppress(ConfigurationRefused):  # what the made-up engine shows is another matter
        configure(json.dumps({"registry-mirrors": [mirror]}))
    assert engine.asked == [{"daemon": {"registry-mirrors": [mirror]}}]


def test_a_file_that_is_not_there(configure: Configure, engine: Engine) -> None:
    with pytest.raises(ConfigurationRefused, match=r"'nothing\.json' cannot be read: No such file"):
        configurer(engine.client, environment={"DOCKBOOK_CONTROL": engine.address})("nothing.json")


def test_the_engines_reason_is_told_without_a_traceback(engine: Engine, configure: Configure) -> None:
    engine.reply = json.dumps({"error": "the following directives: \x1b[31mdebgu"}).encode() + b"\n"
    with pytest.raises(ConfigurationRefused) as caught:
        configure('{"debgu": true}')
    lines = caught.value._render_traceback_()
    assert lines[0] == r"The engine does not take daemon.json: the following directives: \x1b[31mdebgu."
    assert lines[1].startswith("Next: ")


@pytest.mark.parametrize("reply", [b"", b"nonsense\n", b"[1]\n", b"{}\n", b'{"ok": 1}\n'])
def test_an_answer_that_is_none_is_a_refusal(engine: Engine, configure: Configure, reply: bytes) -> None:
    engine.reply = reply
    with pytest.raises(ConfigurationRefused, match="does not take"):
        configure("{}")


def test_what_docker_info_never_shows_is_said(engine: Engine, configure: Configure) -> None:
    with pytest.raises(ConfigurationRefused, match="does not show: debug"):
        configure('{"debug": true}')


def test_a_mirror_that_the_file_no_longer_has_is_named(engine: Engine, configure: Configure) -> None:
    configure('{"registry-mirrors": ["http://mirror"]}')
    engine.info["RegistryConfig"]["Mirrors"] = ["http://mirror/"]
    with pytest.raises(ConfigurationRefused, match=r'of: registry-mirrors\..*"registry-mirrors": \[\]'):
        configure("{}")
    # It is still known as kept when the next file is about something else.
    engine.info["Labels"] = ["a=b"]
    with pytest.raises(ConfigurationRefused, match="of: registry-mirrors"):
        configure('{"labels": ["a=b"]}')


def test_nobody_at_the_socket(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text("{}")
    configure = configurer(engine.client, environment={"DOCKBOOK_CONTROL": str(tmp_path / "none")})
    with pytest.raises(ConfigurationRefused, match="nothing answered") as caught:
        configure(str(tmp_path / "d.json"))
    assert "dockbook lab" in caught.value.next_step


def test_ones_own_docker_is_left_as_it_is(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text("{}")
    with pytest.raises(ConfigurationRefused, match="your own Docker") as caught:
        configurer(engine.client, environment={})(str(tmp_path / "d.json"))
    assert "edit its daemon.json yourself" in caught.value.next_step


def test_an_engine_of_this_very_kernel_is_asked_directly(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d.json").write_text('{"max-concurrent-downloads": 2}')
    taken: list[Mapping[str, object]] = []
    configurer(engine.client, held=taken.append, environment={})(str(tmp_path / "d.json"))
    assert taken == [{"max-concurrent-downloads": 2}]
    assert "max-concurrent-downloads" in capsys.readouterr().out

    def refuse(_options: Mapping[str, object]) -> None:
        raise EngineError("This engine takes no debgu.", next_step="it reloads: debug.")

    with pytest.raises(ConfigurationRefused, match=r"takes no debgu\. Next: it reloads: debug"):
        configurer(engine.client, held=refuse, environment={})(str(tmp_path / "d.json"))


def test_both_sides_name_the_door_alike() -> None:
    """Inside an engine one of the two modules is not there, so that neither can import the other's name."""
    assert variables.CONTROL == variables.CONTROL
