"""A file in a container or an image, read as an archive: nothing of the student's is executed."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docker import DockerClient

from grader.state.reach import Look, looking

MAX_FILE_BYTES = 64 * 1024
_GO_DIRECTORY = 1 << 31  # the engine writes Go's file mode bits
_GO_SYMLINK = 1 << 27


@dataclass(frozen=True)
class FileThere:
    """A file, folder or link. ``text`` is its beginning (a regular file's only), bytes not UTF-8 replaced."""

    size: int
    folder: bool = False
    link: str = ""
    text: str = ""
    truncated: bool = False


def read_file(
    client: DockerClient,
    container_id: str,
    path: str,
    deadline_s: float = 5,
    *,
    max_bytes: int = MAX_FILE_BYTES,
) -> FileThere | None:
    """What is at ``path`` in a container, running or not; None if there is nothing (or no container).

    ``max_bytes``: this much of its text. Raises Blocked if the engine does not answer within ``deadline_s``
    seconds.
    """
    with looking(client, f"the file {path}", deadline_s, one=True) as look:
        return _read(client, look, container_id, path, max_bytes)


def read_digest(client: DockerClient, container_id: str, path: str, deadline_s: float = 5) -> str | None:
    """The MD5 of the regular file at ``path`` in a container, as packages note it; None without one.

    Raises Blocked if the engine does not answer within ``deadline_s`` seconds.
    """
    with looking(client, f"the file {path}", deadline_s, one=True) as look:
        found = look.present(client.api.get_archive, container_id, path)
        if found is None:
            return None
        pieces, _ = found
        try:
            with tarfile.open(fileobj=_Pieces(pieces, look), mode="r|") as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isreg() else None
                    if content is None:
                        return None
                    digest = hashlib.md5(usedforsecurity=False)
                    while chunk := content.read(1 << 20):
                        digest.update(chunk)
                    return digest.hexdigest()
            return None
        finally:
            pieces.close()


def read_image_file(
    client: DockerClient, image_id: str, path: str, deadline_s: float = 5
) -> FileThere | None:
    """What is at ``path`` in an image. It takes a container that is never started, removed at once."""
    with looking(client, f"the file {path}", deadline_s, one=True) as look:
        # The command is never run; one must be given where the image has none.
        made = look.present(client.api.create_container, image_id, ["-"], network_disabled=True)
        if made is None:
            return None
        try:
            return _read(client, look, made["Id"], path, MAX_FILE_BYTES)
        finally:
            client.api.remove_container(made["Id"], force=True, v=True)


def _read(client: DockerClient, look: Look, container_id: str, path: str, max_bytes: int) -> FileThere | None:
    found = look.present(client.api.get_archive, container_id, path)
    if found is None:
        return None
    pieces, stat = found
    stat = stat or {}
    mode, size = int(stat.get("mode", 0)), int(stat.get("size", 0))
    try:
        if mode & _GO_DIRECTORY:
            return FileThere(size, folder=True)
        if mode & _GO_SYMLINK:
            return FileThere(size, link=str(stat.get("linkTarget", "")))
        body, truncated = _first_member(pieces, look, max_bytes)
        return FileThere(size, text=body.decode("utf-8", "replace"), truncated=truncated)
    finally:
        pieces.close()


def _first_member(pieces: Any, look: Look, max_bytes: int) -> tuple[bytes, bool]:
    """The beginning of the first regular file of a tar stream."""
    with tarfile.open(fileobj=_Pieces(pieces, look), mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                body = content.read(max_bytes + 1)
                return body[:max_bytes], len(body) > max_bytes
    return b"", False


class _Pieces(io.RawIOBase):
    """An iterator of bytes as a file; it stops at the look's deadline."""

    def __init__(self, pieces: Iterator[bytes], look: Look) -> None:
        super().__init__()
        self._pieces = pieces
        self._look = look
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            self._look.left()
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest += piece
        cut = len(self._rest) if size < 0 else size
        body, self._rest = self._rest[:cut], self._rest[cut:]
        return body
