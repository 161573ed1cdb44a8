"""Connecting to a unix socket whose server may be busy. Standard library only: a student's kernel has it."""

from __future__ import annotations

import socket
import struct


def connect(path: str, timeout_s: float) -> socket.socket:
    """A connection to the server at ``path``, with this timeout for each later call, too.

    Where the server's queue is full, it waits for a place in it. A socket that has a timeout of Python's does
    not: Linux refuses it at once, with EAGAIN (connect(2)). Raises OSError, TimeoutError among others.
    """
    one = socket.socket(socket.AF_UNIX)
    try:
        seconds = max(timeout_s, 0.001)
        wait = struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
        try:
            one.connect(path)
        except BlockingIOError as error:
            raise TimeoutError(error.errno, f"it was busy for {timeout_s:g} s", path) from error
        one.settimeout(timeout_s)
    except BaseException:
        one.close()
        raise
    return one
