"""What a student has made, from files that a student may have written: names, and never a crash."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from grader.cli.confirm_reset import lines
from grader.engine.contents import Contents, from_api, from_files


def archive(**files: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


def box(name: str, image: str) -> bytes:
    return json.dumps({"Name": f"/{name}", "Config": {"Image": image}}).encode()


def tags(**repositories: list[str]) -> bytes:
    return json.dumps(
        {"Repositories": {name: dict.fromkeys(found) for name, found in repositories.items()}}
    ).encode()


def test_the_courses_own_images_are_not_the_students() -> None:
    data = archive(
        **{
            "docker/image/overlay2/repositories.json": tags(
                busybox=["busybox:latest", "busybox@sha256:0"],
                mine=["mine:1", "mine:2"],
                debian=["debian:trixie"],
            ),
            "docker/containers/0/config.v2.json": box("web", "httpd"),
        }
    )
    assert from_files(data, ["data"]) == Contents(("web (httpd)",), ("mine:1", "mine:2"), (), ("data",))


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'{"Name": 3}', b'{"Name": "/x"}', b"\xff", b'{"a": 1}' * 200_000]
)
def test_what_cannot_be_read_is_left_out(text: bytes) -> None:
    data = archive(
        **{
            "docker/containers/0/config.v2.json": text,
            "docker/containers/1/config.v2.json": box("web", "httpd"),
            "docker/image/overlay2/repositories.json": text,
        }
    )
    assert from_files(data, []) == Contents(("web (httpd)",))


@pytest.mark.parametrize("data", [b"", b"no archive", archive(x=b"y" * 2000)[:700]])
def test_half_an_archive_or_none_is_nothing(data: bytes) -> None:
    assert not from_files(data, [])


class Api:
    """An engine's low-level client, as far as is asked."""

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [
            {"Id": "0" * 64, "Names": ["/web", "/shop/db"], "Image": "httpd"},
            {"Id": "1" * 64, "Image": "x"},
        ]

    def images(self) -> list[dict[str, Any]]:
        return [{"RepoTags": ["httpd:latest", "mine:1"]}, {"RepoTags": ["<none>:<none>"]}, {"RepoTags": None}]

    def networks(self) -> list[dict[str, Any]]:
        return [{"Name": name} for name in ("bridge", "none", "host", "shop")]

    def volumes(self) -> dict[str, Any]:
        return {"Volumes": None}


def test_an_engine_is_asked() -> None:
    assert from_api(Api()) == Contents(("111111111111 (x)", "web (httpd)"), ("mine:1",), ("shop",), ())


def test_names_are_shown_and_never_run_in_a_terminal() -> None:
    found = Contents(containers=tuple(f"c{number:02}" for number in range(15)), volumes=("\x1b]0;x\a",))
    first, second = lines(found)
    assert first.startswith("containers: c00, c01, ") and first.endswith("c11 and 3 more")
    assert second == r"volumes: \x1b]0;x\x07"
