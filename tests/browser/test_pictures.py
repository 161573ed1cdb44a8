"""Pictures in a browser: stored in a notebook that nobody trusts yet, and all on the gallery's page."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from grader.expect.why import explain
from grader.notebook.pictures import container, image, network, tables
from grader.notebook.trace import Call, Conversation
from grader.notebook.why import Answer
from grader.state import Container, Network
from tests.browser.access import assert_no_serious_fault
from tests.browser.lab import DOCKBOOK, Lab, new_page, open_chapter, shot

pytestmark = pytest.mark.timeout(600)
NAME = "pictures"
LOADED = "image => image.complete && image.naturalWidth > 0"


def outputs() -> list[tuple[str, str]]:
    """A title and the HTML of each kind that a notebook stores."""
    data: dict[str, Any] = {
        "Id": "0123456789ab" + "c" * 52,
        "Name": "/web",
        "Path": "python",
        "Args": ["app.py"],
        "Config": {"Image": "training/webapp"},
        "State": {"Status": "exited", "ExitCode": 137, "StartedAt": "2026-01-02T03:04:05Z"},
        "HostConfig": {"PortBindings": {"5000/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
    }
    box = Container.from_inspect(data)
    why = explain(box)
    inside = {"Containers": {"a": {"Name": "web", "IPv4Address": "10.0.0.2/24"}}}
    shop = Network.from_list({"Name": "shop", "Driver": "bridge", "Id": data["Id"]})
    rows: list[dict[str, Any]] = [{"CreatedBy": "CMD sh"}, {"CreatedBy": "COPY a /", "Size": 10**6}]
    call = Call("GET", "/containers/json", {"all": "1"}, {}, 200, 0.01)
    return [
        ("container", container.card(box, why)),
        ("image", image.stack("mine:v1", data["Id"], 10**6, image.steps(rows))),
        ("network", network.graph(shop, network.members(inside))),
        ("list", tables.containers([box])),
        ("why", Answer(why)._repr_html_()),
        ("trace", Conversation([call])._repr_html_()),
    ]


@pytest.fixture(scope="module")
def page(browser: Browser, lab: Lab, address: str) -> Iterator[Page]:
    """JupyterLab with a notebook open whose outputs came from elsewhere."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    for title, html in outputs():
        cell = nbformat.v4.new_code_cell(f"# {title}")
        data = {"text/html": html, "text/plain": title}
        cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
        notebook.cells.append(cell)
    folder = lab.workspace / NAME
    folder.mkdir()
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    one = new_page(browser)
    open_chapter(one, address, NAME)
    yield one
    one.close()


def output(page: Page, title: str) -> Locator:
    """What the cell of this kind shows."""
    cell = page.locator(".jp-CodeCell", has=page.locator(".cm-content", has_text=f"# {title}")).first
    cell.scroll_into_view_if_needed()
    return cell.locator(".jp-OutputArea-output").first


def everything_shows(page: Page) -> None:
    for kind in ("container", "image", "network"):
        picture = output(page, kind).locator("img")
        expect(picture).to_be_visible()
        page.wait_for_function(LOADED, arg=picture.element_handle())
        assert picture.evaluate("image => image.naturalWidth") == 700
        assert picture.get_attribute("alt")
    expect(output(page, "list").locator("td")).to_have_count(6)
    expect(output(page, "list").locator("td").nth(1)).to_have_text("● exited (137)")
    expect(output(page, "why")).to_contain_text("It was killed (SIGKILL)")
    expect(output(page, "trace").locator("code").last).to_have_text("docker ps --all")


def test_a_notebook_that_nobody_trusts_shows_its_pictures(page: Page) -> None:
    expect(page.locator("[title*='not trusted'], [aria-label*='not trusted']").first).to_be_attached()
    everything_shows(page)
    output(page, "container")
    shot(page, "pictures-untrusted")


def test_and_so_does_one_that_is_trusted(page: Page) -> None:
    page.keyboard.press("Control+Shift+C")
    page.locator("input[placeholder='SEARCH'], .lm-CommandPalette-input").first.fill("Trust Notebook")
    page.get_by_text("Trust Notebook", exact=True).first.click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(page.locator("[title*='not trusted'], [aria-label*='not trusted']")).to_have_count(0)
    everything_shows(page)
    output(page, "container")
    shot(page, "pictures-trusted")


# The gallery


@pytest.fixture(scope="module")
def gallery(engine_image: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `dockbook gallery` draws of real containers."""
    folder = tmp_path_factory.mktemp("gallery") / "made"
    env = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    done = subprocess.run(
        [DOCKBOOK, "gallery", "--output", folder],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, _, path = done.stdout.strip().rpartition(": ")
    assert Path(path) == folder / "gallery.html"
    assert re.fullmatch(r"\d+ pictures, tables and explanations", said)
    assert list(folder.iterdir()) == [Path(path)], "one page that needs no other file"
    return Path(path)


KINDS = {
    "container": {
        *("never-started", "web", "paused", "restarting", "finished", "failed", "crashed", "no-input"),
        *("killed", "stopped", "no-such-program", "one-word", "not-executable", "no-such-user", "port-taken"),
        *("network-gone", "wrong-format", "not-found-inside"),
    },
    "image": {"busybox", "gallery/small", "training/webapp", "gallery/many", "without a tag"},
    "network": {"bridge", "shop", "vault", "empty", "crowd", "host", "none"},
    "list": {"containers", "sparse containers", "images", "networks", "volumes"},
    "why": {"web", "failed", "killed", "port-taken"},
    "as_cli": {"web"},
    "trace": {
        "docker-py: run",
        "docker-py: not found",
        "the docker command: run, then rm of what is not there",
    },
}


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (400, "dark"),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
        pytest.param(400, "light", marks=pytest.mark.slow),
    ],
)
def test_every_kind_is_in_the_gallery(browser: Browser, gallery: Path, scheme: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(gallery.as_uri())
    for section, titles in KINDS.items():
        shown = page.locator(f"#{section} h3").all_inner_texts()
        assert titles <= set(shown), section
    pictures = page.locator("img")
    assert pictures.count() > 25
    assert pictures.evaluate_all(f"all => all.every({LOADED})")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "wide tables scroll by themselves"
    outside = [url for url in asked if not url.startswith(("file:", "data:"))]
    assert outside == []
    assert_no_serious_fault(page)
    page.screenshot(path=gallery.parent.parent / f"{width}-{scheme}.png")
    page.close()


def test_what_the_states_are_called(browser: Browser, gallery: Path) -> None:
    page = browser.new_page()
    page.goto(gallery.as_uri())
    said = page.locator("#why").inner_text()
    for words in (
        "It was created but never started",
        "no program 'cowsay' is in the image 'busybox'",
        "the whole line 'echo hello world' was taken for the name of one program",
        "/etc/passwd is there but is not a program",
        "knows no user 'nobody-here'",
        "0.0.0.0:8080 on the host was already in use",
        "its network 'gone' is gone",
        "for another kind of processor, or a script without #!",
        "exit code 3",
        "a memory fault",
        "sh had nothing to read",
        "(SIGKILL)",
        "(SIGTERM)",
        "starts it again, after longer and longer waits",
    ):
        assert words in said, words
    trace = page.locator("#trace").inner_text()
    assert "docker create busybox echo hi" in trace and "404" in trace
    page.close()


def test_a_gallery_that_cannot_be_written_starts_no_engine(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [DOCKBOOK, "gallery", "--output", tmp_path / "file" / "folder"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "gallery.html cannot be written: Not a directory. Next: name another folder" in done.stderr
