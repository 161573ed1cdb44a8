"""The live panel beside a notebook: a container, its stop, an engine that is reset, and a busy one."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from docker import DockerClient
from playwright.sync_api import Browser, Locator, Page, expect

from grader import variables
from grader.course import Course
from grader.engine.base import Engine
from grader.lab.jupyter import serve
from grader.workspace.folder import prepare
from tests.browser.access import assert_no_serious_fault
from tests.browser.lab import DOCKBOOK, ROOT, Lab, new_page, open_chapter, shot
from tests.browser.test_start import theme
from tests.unit.lab.server.made_up_dockerd import Dockerd, event
from tests.unit.notebook.pictures.test_hostile import NASTY

COURSE = Course.read(ROOT / "course")
CHAPTER = "panel"
SOON_MS = 8000
pytestmark = pytest.mark.timeout(600)

CELLS = (
    "%load_ext grader\nimport docker\nclient = docker.from_env()",
    "web = client.containers.run('training/webapp', name='web', ports={'5000/tcp': 5001}, detach=True)",
    "shop = client.networks.create('<b>shop</b><script>window.stolen = 1</script>')\nshop.connect(web)",
    "web.kill()",
    "client.containers.list(all=True)",
    "web",
)


def panel(page: Page) -> Locator:
    return page.locator(".dockbook-panel")


def part(page: Page, title: str) -> Locator:
    return panel(page).locator(".dockbook-part", has=page.get_by_role("heading", name=title))


def item(page: Page, title: str, name: str) -> Locator:
    exact = re.compile(f"^{re.escape(name)}$")
    return part(page, title).locator(".dockbook-item", has=page.locator(".dockbook-strong", has_text=exact))


def run(page: Page, number: int) -> None:
    """Run the cell of that number, to its end."""
    cell = page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{number}"]')
    cell.locator(".jp-InputPrompt").click()
    page.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=60_000)


@pytest.fixture(scope="module")
def page(browser: Browser, lab: Lab, address: str) -> Iterator[Page]:
    """A notebook, and the panel opened beside it."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    (lab.workspace / CHAPTER).mkdir()
    nbformat.write(
        nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=cells),
        lab.workspace / CHAPTER / f"{CHAPTER}.ipynb",
    )
    page = new_page(browser)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    open_chapter(page, address, CHAPTER)
    page.get_by_role("button", name="Docker live").click()
    yield page
    page.close()
    assert faults == []


def test_it_opens_beside_the_notebook_on_a_quiet_engine(page: Page) -> None:
    expect(panel(page)).to_contain_text(
        re.compile(r"Docker Engine \d+\.\d+\.\d+ is running"), timeout=SOON_MS
    )
    expect(part(page, "Containers")).to_contain_text("No containers yet.")
    expect(item(page, "Networks", "bridge")).to_contain_text("bridge, 172.17.0.0/16")
    part(page, "Images").locator("summary").click()
    expect(item(page, "Images", "training/webapp:latest")).to_be_visible()
    part(page, "Images").locator("summary").click()
    expect(page.locator(".jp-Notebook")).to_be_visible()


def test_what_a_cell_starts_shows_and_its_port_leads_there(page: Page) -> None:
    run(page, 0)
    run(page, 1)
    web = item(page, "Containers", "web")
    expect(web.locator(".dockbook-state")).to_have_text("running", timeout=SOON_MS)
    expect(web).to_contain_text("image training/webapp")
    expect(part(page, "Containers")).to_contain_text("1 of 1 running")
    expect(part(page, "Last events").locator("li").first).to_contain_text("web: start")
    link = web.get_by_role("link")
    expect(link).to_have_attribute("href", "http://127.0.0.1:5001/")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    link.focus()
    with page.expect_popup() as opened:
        page.keyboard.press("Enter")
    expect(opened.value.locator("body")).to_contain_text("Hello world")
    opened.value.close()


def test_a_name_is_text_whatever_it_says(page: Page) -> None:
    run(page, 2)
    name = "<b>shop</b><script>window.stolen = 1</script>"
    expect(item(page, "Networks", name)).to_contain_text("in it: web", timeout=SOON_MS)
    expect(part(page, "Last events")).to_contain_text(f"network {name}: connect web")
    assert page.evaluate("window.stolen") is None
    assert panel(page).locator("b, script").count() == 0


def test_its_end_shows_with_what_the_exit_code_means(page: Page) -> None:
    status = panel(page).get_by_role("status")
    run(page, 3)
    web = item(page, "Containers", "web")
    expect(web.locator(".dockbook-state")).to_have_text("exited (137)", timeout=SOON_MS)
    expect(web).to_have_attribute("data-kind", "red")
    expect(web).to_contain_text("killed: SIGKILL, as docker kill sends")
    expect(web.get_by_role("link")).to_have_count(0)
    expect(part(page, "Last events")).to_contain_text("web: die, exit code 137")
    expect(status).to_contain_text("web: die, exit code 137", timeout=SOON_MS)
    run(page, 4)
    run(page, 5)
    picture = page.locator(".jp-OutputArea-output table").first
    expect(picture).to_contain_text("exited (137)")


@pytest.mark.parametrize("name", ["Light", "Dark"])
def test_it_reads_in_both_themes_beside_our_outputs(page: Page, name: str) -> None:
    theme(page, f"JupyterLab {name}")
    assert_no_serious_fault(page, ".dockbook-panel", ".dockbook-tops", ".jp-OutputArea-output img")
    inside = panel(page)
    assert inside.evaluate("one => one.scrollWidth <= one.clientWidth"), "nothing is cut off"
    shot(page, f"panel-{name.lower()}")


def test_the_keyboard_reaches_every_part(page: Page) -> None:
    panel(page).focus()
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
    titles = ("Containers", "Last events", "Networks", "Images")
    assert all(text.startswith(title) for text, title in zip(reached, titles, strict=True)), reached
    page.keyboard.press("Enter")
    expect(part(page, "Images")).to_have_attribute("open", "")


def test_a_port_that_this_machine_has_for_something_else(page: Page, lab: Lab) -> None:
    said = subprocess.run(
        [DOCKBOOK, "engine", "status", "--json"], capture_output=True, text=True, check=True
    )
    (mine,) = [one for one in json.loads(said.stdout) if one["owner_pid"] == lab.process.pid]
    with socket.socket() as other, closing(DockerClient(base_url=mine["docker_host"])) as client:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = {"80/tcp": other.getsockname()[1]}
        client.containers.run("busybox", ["sleep", "1000"], name="late", ports=ports, detach=True)
        late = item(page, "Containers", "late")
        expect(late).to_contain_text("Another program on your machine uses this port.", timeout=30_000)
        expect(late.get_by_role("link")).to_have_count(0)


# An engine of the test's own, to reset and to end


def done_in_part(workspace: Path) -> None:
    """Of somebody who did the first chapter and half of the second, as the notebooks show it."""
    for chapter, left_out in ((COURSE.written[0], ()), (COURSE.written[1], COURSE.written[1].tasks[3:])):
        notebook = nbformat.read(chapter.notebook, as_version=4)
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") in {task.test_id for task in left_out}:
                cell.outputs = []
        nbformat.write(notebook, workspace / chapter.id / chapter.notebook.name)


def test_an_engine_that_is_reset_and_one_that_ends(browser: Browser, engine: Engine, tmp_path: Path) -> None:
    workspace = tmp_path / "dockbook"
    prepare(workspace, course=COURSE)
    done_in_part(workspace)
    with serve(workspace, engine.env() | {variables.SERVER_COURSE: str(COURSE.root)}) as server:
        page = new_page(browser)
        page.goto(server.address)
        page.get_by_role("button", name="Watch it live").click()
        client = engine.client()
        client.containers.run("busybox", ["sh", "-c", "exit 3"], name="broken", detach=True)
        shop = client.networks.create("shop")
        client.containers.run("busybox", ["sleep", "1000"], name="db", network=shop.name, detach=True)
        ports = {"5000/tcp": 5099}
        client.containers.run("training/webapp", name="web", ports=ports, network=shop.name, detach=True)
        expect(item(page, "Containers", "web")).to_be_visible(timeout=SOON_MS)
        expect(item(page, "Networks", "shop")).to_contain_text(re.compile("in it: (db, web|web, db)"))
        start = page.locator(".dockbook-start")
        expect(start).to_contain_text("2 of 3 containers running")
        expect(start.get_by_role("link", name="127.0.0.1:5099, container web")).to_be_visible()
        expect(start.locator("[data-stage=done]")).to_contain_text("all 6 tasks done")
        expect(start.locator(".dockbook-next")).to_contain_text(
            "Continue: 3 of 6 tasks done in2. Installation"
        )
        assert_no_serious_fault(page, ".dockbook-start", ".dockbook-panel")
        page.locator(".jp-SideBar.jp-mod-left .lm-TabBar-tab.lm-mod-current").click()
        shot(page, "start-panel")
        client.close()
        engine.reset()
        expect(part(page, "Containers")).to_contain_text("No containers yet.", timeout=30_000)
        client = engine.client()
        client.containers.run("busybox", ["sleep", "1000"], name="after", detach=True)
        expect(item(page, "Containers", "after")).to_be_visible(timeout=SOON_MS)
        client.close()
        expect(start).to_contain_text("1 of 1 container running")
        page.wait_for_timeout(3000)  # JupyterLab keeps the layout a moment after it changed
        page.reload()
        expect(item(page, "Containers", "after")).to_be_visible(timeout=60_000)
        button = page.get_by_role("button", name="Docker live")
        for pressed in ("false", "true"):
            button.click()
            expect(button).to_have_attribute("aria-pressed", pressed)
        expect(item(page, "Containers", "after")).to_be_visible(timeout=SOON_MS)
        engine.close()
        words = "The engine does not answer."
        expect(panel(page)).to_contain_text(words, timeout=30_000)
        expect(page.locator(".dockbook-start .dockbook-engine")).to_contain_text(words)
        expect(part(page, "Containers")).to_be_hidden()
        shot(page, "panel-ended")
        page.close()


# A made-up engine, to say what Docker would never let through, and as much as it could never do


@pytest.fixture
def dockerd(tmp_path: Path) -> Iterator[Dockerd]:
    one = Dockerd(tmp_path / "docker.sock")
    yield one
    one.die()
    one.close()


@pytest.fixture
def made_up(browser: Browser, dockerd: Dockerd, tmp_path: Path) -> Iterator[Page]:
    """The panel on it."""
    workspace = tmp_path / "dockbook"
    workspace.mkdir()
    env = os.environ | {"DOCKER_HOST": f"unix://{dockerd.path}", variables.SERVER_COURSE: str(COURSE.root)}
    with serve(workspace, env) as server:
        page = new_page(browser)
        page.goto(server.address)
        page.get_by_role("button", name="Docker live").click()
        expect(panel(page)).to_contain_text("Docker Engine 26.1.5 is running", timeout=SOON_MS)
        yield page
        page.close()


def test_hostile_names_everywhere(made_up: Page, dockerd: Dockerd) -> None:
    page = made_up
    port = {"IP": "0.0.0.0", "PublicPort": 8080, "PrivatePort": 80, "Type": 'tcp"><img src=x>'}
    dockerd.containers = [
        {"Id": f"{n:064}", "Names": [f"/{said}"], "Image": said, "State": "running", "Status": said}
        | {"Labels": {said: said}, "Ports": [port], "NetworkSettings": {"Networks": {said: {}}}}
        for n, said in enumerate(NASTY)
    ]
    dockerd.happen(*(event(said or "start", name=said, exitCode=said) for said in NASTY))
    rows = part(page, "Containers").locator(".dockbook-item")
    expect(rows).to_have_count(len(NASTY), timeout=SOON_MS)
    expect(rows.first.locator(".dockbook-strong")).to_have_text("<script>alert(1)</script>")
    expect(part(page, "Containers")).to_contain_text("\\x1b[31mred")
    expect(part(page, "Containers")).to_contain_text("\\u202eright to left")
    text = panel(page).inner_text()
    assert text.replace("\n", "").isprintable()
    assert len(text) < 20_000
    ours = "section,div,h2,h3,p,span,button,details,summary,ul,li,bdi,a,time"
    strange = f".dockbook-panel *:not({ours})"
    assert page.locator(strange).evaluate_all("all => all.map(one => one.outerHTML)") == []
    links = panel(page).get_by_role("link").evaluate_all("all => all.map(one => one.href)")
    assert links == []
    inside = panel(page)
    assert inside.evaluate("one => one.scrollWidth <= one.clientWidth")
    shot(page, "panel-hostile")


STEPS = """() => {
    window.dockbookTold = 0;
    new MutationObserver(() => { window.dockbookTold += 1; })
        .observe(document.querySelector('.dockbook-panel'), {childList: true, subtree: true});
    window.dockbookLongest = 0;
    let last = performance.now();
    const step = now => {
        window.dockbookLongest = Math.max(window.dockbookLongest, now - last);
        last = now;
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
}"""


def test_a_loop_of_events_does_not_stop_the_browser(made_up: Page, dockerd: Dockerd) -> None:
    page = made_up
    page.evaluate(STEPS)
    done = threading.Event()

    def busy() -> None:
        """About 500 a second, of containers that come and go."""
        number = 0
        while not done.wait(0.02):
            for _ in range(10):
                number += 1
                dockerd.happen(event(("create", "start", "die")[number % 3], name=f"box{number}"))
            dockerd.containers = [
                {"Id": f"{n:012}", "Names": [f"/box{n}"], "State": "running", "Status": "Up"}
                for n in range(number, number + 100)
            ]

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        expect(part(page, "Containers")).to_contain_text("100 of 100 running", timeout=SOON_MS)
        page.wait_for_timeout(5000)
        told = page.evaluate("window.dockbookTold")
        rows = part(page, "Last events").locator("li").count()
        boxes = part(page, "Containers").locator(".dockbook-item").count()
        # The page still does what is asked of it.
        page.get_by_role("button", name="Start page").click()
        part(page, "Networks").locator("summary").click()
        expect(item(page, "Networks", "bridge")).to_be_hidden()
    finally:
        done.set()
        thread.join()
    spoken = json.dumps(
        {"changes in 5 s": told, "longest frame, ms": page.evaluate("window.dockbookLongest")}
    )
    print(f"panel under load: {spoken}")
    assert told <= 40, "two changes a second, and each in few steps"
    assert (rows, boxes) == (40, 60)
    expect(part(page, "Containers")).to_contain_text("and 40 more")
