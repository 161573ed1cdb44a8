"""A process that owns an engine, for tests that end it: starts it, publishes 5001 inside, says so, waits.

Says one line of JSON on standard output once a request to the published port was answered.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time

from docker.errors import ContainerError

from grader.engine.choose import open_engine

ASK = ["wget", "-qO-", "-T2", "http://172.17.0.1:5001/"]


def main(how: str, backend: str) -> None:
    """``how`` it ends: ``wait`` for to be killed, ``close``, ``exit`` without closing, ``crash``."""
    # What a shell starts in the background ignores it, and all that it starts in turn.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    engine = open_engine(backend)
    client = engine.client()
    client.containers.run(
        "httpd", detach=True, name="web", ports={"80/tcp": 5001}, restart_policy={"Name": "always"}
    )
    if engine.backend == "sandbox":
        engine.start_kernel()
    deadline = time.monotonic() + 60
    answer = b""
    while b"It works" not in answer and time.monotonic() < deadline:
        with contextlib.suppress(ContainerError):  # not yet
            answer = client.containers.run("busybox", ASK)
    print(
        json.dumps({"answer": answer.decode(errors="replace")[:200], "ready_s": engine.ready_s}), flush=True
    )
    if how == "wait":
        time.sleep(600)
    elif how == "close":
        engine.close()
    elif how == "crash":
        raise SystemError("on purpose")


if __name__ == "__main__":
    main(*sys.argv[1:])
