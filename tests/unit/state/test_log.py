"""A container's log: the time of its first line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker import DockerClient

from grader.state import read_first_moment

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
"""When the inspector's containers were started last."""


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
