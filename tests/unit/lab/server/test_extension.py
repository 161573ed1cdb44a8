"""The server's side of the start page and the panel, behind a real JupyterLab: who may ask, and for what."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.web import Application
from tornado.websocket import WebSocketClientConnection, websocket_connect

from grader import variables
from grader.lab.jupyter import Server, serve
from grader.lab.server import extension as lab_server
from grader.lab.server.watch import State
from tests.grading import tiny
from tests.unit.lab.server.made_up_dockerd import Dockerd, event
from tests.unit.lab.server.test_watch import QUICK
from tests.unit.notebook.made_up_engine import LIMIT_S

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def lab(workspace: Path, dockerd: Dockerd) -> Iterator[Server]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("DOCK")}
    env |= {
        "DOCKER_HOST": f"unix://{dockerd.path}",
        variables.SERVER_COURSE: str(workspace.parent / "course"),
    }
    with serve(workspace, env) as server:
        yield server


def ask(url: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=LIMIT_S) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def connect(lab: Server, query: str = "", **headers: str) -> Awaitable[WebSocketClientConnection]:
    url = f"{lab.url.replace('http', 'ws', 1)}dockbook/watch{query}"
    return websocket_connect(HTTPRequest(url, headers=headers))


async def heard(client: WebSocketClientConnection, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT_S):
        while True:
            message = await client.read_message()
            assert message is not None, "it was hung up"
            state: dict[str, Any] = json.loads(message)
            if true(state):
                return state


def test_the_page_and_the_panel_are_for_who_has_the_token(lab, workspace, dockerd):
    token = f"?token={lab.token}"
    assert ask(f"{lab.url}dockbook/start")[0] == 403
    assert ask(f"{lab.url}dockbook/start?token=wrong")[0] == 403
    assert ask(f"{lab.url}dockbook/start{token}", "POST")[0] in (403, 405)
    status, text = ask(f"{lab.url}dockbook/start{token}")
    page = json.loads(text)
    assert status == 200
    assert [one["id"] for one in page["chapters"]] == [tiny.CHAPTER]
    assert page["engine"]["backend"] == "host", "no engine of ours has this address"

    status, text = ask(f"{lab.url}lab{token}")
    listed = text.split('"federated_extensions"')[1].split("]")[0]
    assert '"dockbook"' in listed and "static/remoteEntry.js" in listed
    for name in ("remoteEntry.js", "index.js", "style.css"):
        assert ask(f"{lab.url}lab/extensions/dockbook/static/{name}{token}")[0] == 200

    with urllib.request.urlopen(lab.address, timeout=LIMIT_S) as answer:
        cookies = [one.partition(";")[0] for one in answer.headers.get_all("Set-Cookie")]

    async def refused(query: str = "", **headers: str) -> bool:
        try:
            (await connect(lab, query, **headers)).close()
        except HTTPClientError as error:
            return error.code == 403
        return False

    # A page of somebody else's in the same browser has the cookie, and not the token.
    own = {"Cookie": "; ".join(cookies)}
    assert asyncio.run(refused())
    assert asyncio.run(refused("?token=no"))
    assert asyncio.run(refused(**own, Origin="http://evil.example"))
    assert dockerd.asked("/events") == 0, "nobody listened: nothing was asked"
    assert not asyncio.run(refused(**own, Origin=lab.url.rstrip("/")))

    (workspace / ".dockbook").rename(workspace / "away")
    (workspace.parent / "course/chapters.toml").write_text("[")
    status, text = ask(f"{lab.url}dockbook/start{token}")
    assert status == 503
    assert "restore it from version control" in json.loads(text)["message"]


def test_many_pages_have_one_look_out(lab, dockerd):
    async def watch() -> None:
        clients = [await connect(lab, f"?token={lab.token}") for _ in range(lab_server.MOST_LISTENERS)]
        for client in clients:
            await heard(client, lambda state: bool(state["status"] == "running"))
        dockerd.happen(event("die", exitCode="3"))
        for client in clients:
            state = await heard(client, lambda state: bool(state["events"]))
            assert state["events"][0]["what"] == "die, exit code 3"
        one_more = await connect(lab, f"?token={lab.token}")
        async with asyncio.timeout(LIMIT_S):
            assert await one_more.read_message() is None
        assert one_more.close_code == 1013
        # Nothing that a page sends reaches the engine.
        asked = [head.split(b" ")[0] for head in dockerd.heads]
        for word in ("again", "again" * 10_000, '{"do": "remove"}'):
            await clients[0].write_message(word)
        dockerd.happen(event("start"))
        await heard(clients[0], lambda state: bool(state["events"][0]["what"] == "start"))
        assert set(asked) == {b"GET"}
        for client in clients:
            client.close()

    asyncio.run(watch())
    assert dockerd.asked("/events") == 1


class Page:
    """Stands for a browser's page."""

    def __init__(self, shared: lab_server.SharedState) -> None:
        self.shared = shared
        self.told: asyncio.Queue[str] = asyncio.Queue()

    def send_state(self, state: State) -> None:
        self.told.put_nowait(state["status"])

    async def until(self, status: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while await self.told.get() != status:
                pass


def test_an_engine_that_was_given_up_is_looked_for_again_on_request(dockerd, workspace):
    """Without a browser and without JupyterLab: the two words that they exchange."""
    dockerd.deaf = True

    async def run() -> None:
        shared = lab_server.SharedState(workspace, None, f"unix://{dockerd.path}", pace=QUICK)
        page: Any = Page(shared)
        assert shared.listen(page)
        await page.until("gone")
        dockerd.deaf = False
        lab_server.WatchHandler.on_message(page, "again")
        await page.until("running")
        shared.leave(page)
        shared.end()
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(run())


def test_without_an_engines_address_no_engine_is_asked(workspace):
    from docker.errors import DockerException

    shared = lab_server.SharedState(workspace, None, "")
    with pytest.raises(DockerException, match="no DOCKER_HOST"):
        shared._client()


@pytest.mark.parametrize("noted", ["", "{", "[]", '{"taken": 3}', '{"taken": ["80/tcp"]}'])
def test_what_the_lab_noted_of_ports_may_be_nonsense(workspace, noted):
    (workspace / ".dockbook/run").mkdir()
    (workspace / ".dockbook/run/ports.json").write_text(noted)
    found = lab_server.SharedState(workspace, None, "")._taken()
    assert list(found) == (["80/tcp"] if "80" in noted else [])


def test_kernels_do_not_learn_where_the_courses_sources_are(workspace, monkeypatch):
    monkeypatch.setenv(variables.SERVER_COURSE, "/somewhere")
    application = Application(base_url="/")
    lab_server._load_jupyter_server_extension(SimpleNamespace(root_dir=str(workspace), web_app=application))
    assert variables.SERVER_COURSE not in os.environ


def test_the_formgraders_server_has_neither(tmp_path):
    course = tiny.make_course(tmp_path / "course")
    with serve(course.root, os.environ, instructor=True) as server:
        assert ask(f"{server.url}dockbook/start?token={server.token}")[0] == 404
        page = ask(f"{server.url}lab?token={server.token}")[1]
        assert '"dockbook"' not in page.split('"federated_extensions"')[1].split("]")[0]
