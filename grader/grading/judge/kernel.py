"""Drives a student's kernel from the trusted side: code goes in, outputs come back as bounded JSON.

Whatever arrives is the student's data, forged or not. It is shown; it is never a verdict.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from nbformat import NotebookNode

from grader.course import Limits
from grader.errors import KernelError
from grader.expect.answer_data import MAX_CHARS, Answer
from grader.grading.judge.outputs import Budget, Collector
from grader.grading.judge.wire import MESSAGE_BYTES, Wire
from grader.syntax import parse

if TYPE_CHECKING:
    from grader.engine.base import Engine, Kernel

READY_S = 30
INTERRUPT_S = 3
ANSWER_S = 10
_POLL_MS = 500
_QUEUE = 20
"""Messages that wait to be read, each of at most MESSAGE_BYTES."""
_PARSED_CHARS = 50_000
"""A cell of more is not parsed on this side: a tree takes a thousand times the memory of its text."""
_ANSWER_MIME = "application/vnd.dockbook.answer"
_ANSWER_DIGITS = 2 * (MAX_CHARS + 1000)

Ending = Literal["ok", "error", "timeout", "died"]


@dataclass(frozen=True)
class CellRun:
    """What running one cell came to."""

    ending: Ending
    outputs: tuple[NotebookNode, ...]
    cut: bool = False


class KernelSession:
    """A kernel in an engine, replaced by a fresh one when it dies. Close it when done.

    ``setup`` is run again in a kernel that replaces another. ``student``: the id whose values ``mine`` gives
    in it. Raises EngineDied when the engine is gone, KernelError when no kernel can be started.
    """

    def __init__(
        self, engine: Engine, files: Path, limits: Limits, setup: str = "", *, student: str = ""
    ) -> None:
        self._engine, self._files, self._limits, self._setup = engine, files, limits, setup
        self._student = student
        self._budget = Budget(limits.output_bytes)
        self._imports: list[str] = []
        self._kernel: Kernel | None = None
        self._wire: Wire | None = None
        self._client: BlockingKernelClient | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._fresh = True

    def run(self, code: str, timeout_s: float) -> CellRun:
        """Run a cell; after ``timeout_s`` seconds it is interrupted, then its kernel is ended."""
        self._ensure()
        run = self._execute(code, timeout_s, Collector(self._budget))
        if run.ending == "ok":
            self._imports += _imports(code)
        return run

    def answers(self, names: Sequence[str]) -> dict[str, Answer]:
        """What the student's variables hold, as JSON data. A name without an answer in it is left out."""
        if not names:
            return {}
        self._ensure()
        client = self._live()
        asked = {name: _answer_expression(name) for name in names if name.isidentifier()}
        message = client.execute("", silent=True, user_expressions=asked, allow_stdin=False)
        reply = self._wait(message, time.monotonic() + ANSWER_S, None)
        if reply is None:
            self._interrupt_or_kill(message)
            return {}
        given = reply.get("user_expressions")
        found = {}
        for name in asked:
            said = _decode(given.get(name) if isinstance(given, Mapping) else None)
            if said is not None:
                found[name] = said
        return found

    def close(self) -> None:
        """End the kernel; safe to call twice."""
        if self._client is not None:
            if self._monitor is not None:
                self._client.iopub_channel.socket.disable_monitor()
            self._client.stop_channels()
        self._monitor = None
        if self._context is not None:
            self._context.destroy(linger=0)
        if self._wire is not None:
            self._wire.close()
        self._wire = None
        kernel, self._client, self._context, self._kernel = self._kernel, None, None, None
        if kernel is not None:
            kernel.kill()

    # -- the kernel's life

    def _ensure(self) -> None:
        if self._kernel is not None and self._kernel.alive():
            return
        self.close()
        first, self._fresh = self._fresh, False
        self._kernel = self._engine.start_kernel(self._files, student=self._student)
        # Limits before anything connects: a message that is too long closes the connection, not this process.
        self._context = zmq.Context()
        self._context.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES)
        self._context.setsockopt(zmq.RCVHWM, _QUEUE)
        self._context.setsockopt(zmq.LINGER, 0)
        self._client = BlockingKernelClient(
            connection_file=str(self._kernel.connection_file), context=self._context
        )
        self._client.load_connection_file()
        near, ports = self._kernel.connection_file.parent, (self._client.shell_port, self._client.iopub_port)
        self._wire = Wire(near, self._client.ip, ports)
        self._client.ip = self._wire.address
        self._client.start_channels(shell=True, iopub=True, stdin=False, hb=False, control=False)  # noqa: S604 - a channel
        self._watch_outputs()
        if not first:
            self._replay()

    def _watch_outputs(self) -> None:
        outputs = self._live().iopub_channel.socket
        self._monitor = outputs.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._wait_ready()

    def _reopen_outputs(self) -> None:
        """After a message beyond the limit nothing else comes through: a new channel for the later cells."""
        client = self._live()
        client.iopub_channel.socket.disable_monitor()
        client.iopub_channel.stop()
        client._iopub_channel = None  # noqa: SLF001 - made again when it is next asked for
        client.iopub_channel.start()
        self._watch_outputs()

    def _wait_ready(self) -> None:
        """Wait until both channels answer: outputs sent before the subscription is active would be lost."""
        client, deadline = self._live(), time.monotonic() + READY_S
        shell, iopub = False, False
        while not (shell and iopub):
            if time.monotonic() > deadline or not self._alive():
                raise KernelError("The kernel in the engine does not answer.")
            message = client.kernel_info()
            until = time.monotonic() + 0.3
            while time.monotonic() < until and not (shell and iopub):
                for channel, received in self._receive(50):
                    shell |= channel == "shell" and _parent(received) == message
                    iopub |= channel == "iopub"

    def _replay(self) -> None:
        """Prepare a fresh kernel for a chapter's next cells: its first cell, the imports."""
        for code in (self._setup, "\n".join(dict.fromkeys(self._imports))):
            if code and self._kernel is not None:
                self._execute(code, self._limits.cell_s, Collector(Budget(0)))
        if self._kernel is None:
            # An import that kills: without it then.
            self._imports.clear()
            self._ensure()

    # -- one request

    def _execute(self, code: str, timeout_s: float, collector: Collector) -> CellRun:
        client = self._live()
        message = client.execute(code, allow_stdin=False, stop_on_error=False)
        ending: Ending
        reply = self._wait(message, time.monotonic() + timeout_s, collector)
        if reply is not None and _leaves(reply):
            self._let_end()
            ending = "died"
            collector.say("KernelDied", "this cell ended the kernel; the next one gets a fresh kernel")
            self.close()
        elif reply is not None:
            ending = "ok" if reply.get("status") == "ok" else "error"
            if ending == "error" and not any(out.output_type == "error" for out in collector.outputs):
                collector.add("error", reply)
        elif self._alive():
            ending = "timeout"
            self._interrupt_or_kill(message, collector)
            collector.say("TimeLimit", f"the cell ran longer than {timeout_s:.0f} s and was stopped")
        else:
            ending = "died"
            collector.say(
                "KernelDied", "the kernel ended while this cell ran; the next one gets a fresh kernel"
            )
            self.close()
        lost = self._lost()
        if lost:
            collector.say("OutputLimit", "more output at once than can be kept: some of it is lost")
            if self._alive():
                self._reopen_outputs()
        cut = lost or collector.full or self._budget.left <= 0
        return CellRun(ending, tuple(collector.outputs), cut)

    def _lost(self) -> bool:
        """Whether a message beyond the limit made the outputs' connection close."""
        closed = False
        for _ in range(_QUEUE):
            if self._monitor is None or not self._monitor.poll(0):
                break
            self._monitor.recv_multipart()
            closed = True
        return closed

    def _wait(self, message: str, deadline: float, collector: Collector | None) -> Mapping[str, Any] | None:
        """The reply to ``message``, with its outputs collected; None at the deadline or the kernel's end."""
        reply: Mapping[str, Any] | None = None
        idle = False
        while not (reply is not None and idle):
            now = time.monotonic()
            if now >= deadline:
                break
            arrived = False
            for channel, received in self._receive(min(_POLL_MS, int((deadline - now) * 1000) + 1)):
                arrived = True
                if _parent(received) != message:
                    continue
                kind, content = received.get("msg_type"), received.get("content")
                if not isinstance(content, Mapping):
                    continue
                if channel == "shell" and kind == "execute_reply" and reply is None:
                    reply = content
                    # The outputs end with "idle". It may be lost to a limit: then silence ends them.
                    deadline = min(deadline, time.monotonic() + INTERRUPT_S)
                elif kind == "status" and content.get("execution_state") == "idle":
                    idle = True
                elif channel == "iopub" and collector is not None:
                    collector.add(str(kind), content)
            if not arrived and (reply is not None or not self._alive()):
                break
        return reply

    def _receive(self, timeout_ms: int) -> list[tuple[str, Mapping[str, Any]]]:
        client = self._live()
        channels = {"shell": client.shell_channel, "iopub": client.iopub_channel}
        poller = zmq.Poller()
        for channel in channels.values():
            poller.register(channel.socket, zmq.POLLIN)
        ready = dict(poller.poll(timeout_ms))
        received = []
        for name, channel in channels.items():
            if channel.socket in ready:
                try:
                    message = channel.get_msg(timeout=0)
                except Exception:  # noqa: BLE001, S112 - forged or torn messages raise anything; they are noise
                    continue
                if isinstance(message, Mapping):
                    received.append((name, message))
        return received

    def _interrupt_or_kill(self, message: str, collector: Collector | None = None) -> None:
        if self._kernel is None:
            return
        self._kernel.interrupt()
        if self._wait(message, time.monotonic() + INTERRUPT_S, collector) is None:
            self.close()

    def _let_end(self) -> None:
        """Give a kernel that is about to end its time; the next cell would be lost with it, so no more."""
        deadline = time.monotonic() + INTERRUPT_S
        while self._alive() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _alive(self) -> bool:
        return self._kernel is not None and self._kernel.alive()

    def _live(self) -> BlockingKernelClient:
        if self._client is None:
            raise KernelError("The kernel in the engine has ended.")
        return self._client


def _leaves(reply: Mapping[str, Any]) -> bool:
    """Whether the cell called ``quit()``: the kernel ends a moment after it has said so."""
    payload = reply.get("payload")
    entries = payload if isinstance(payload, list) else []
    return any(
        isinstance(entry, Mapping) and entry.get("source") == "ask_exit" and not entry.get("keepkernel")
        for entry in entries
    )


def _parent(message: Mapping[str, Any]) -> object:
    header = message.get("parent_header")
    return header.get("msg_id") if isinstance(header, Mapping) else None


def _answer_expression(name: str) -> str:
    """Evaluated in the kernel: an object that shows itself as the answer's text in hexadecimal digits.

    A MIME type of its own, so that what a notebook does to the display of text does not touch it; digits, so
    that decoding needs no parser; ``builtins``, since a student may well have a variable called ``type``.
    """
    builtins = "__import__('builtins')"
    said = f"__import__('grader.expect.answer_data', fromlist=['say']).say({name!r}, {builtins}.globals())"
    text = f"{said}.to_text().encode().hex()[:{_ANSWER_DIGITS}]"
    bundle = f"lambda *given, **named: {{{_ANSWER_MIME!r}: {text}}}"
    return f"{builtins}.type('Answer', (), {{'_repr_mimebundle_': {bundle}}})()"


def _decode(value: object) -> Answer | None:
    """The answer in one user expression, or None. What it says is the student's data."""
    data = value.get("data") if isinstance(value, Mapping) else None
    text = data.get(_ANSWER_MIME) if isinstance(data, Mapping) else None
    if not isinstance(text, str):
        return None
    if len(text) > _ANSWER_DIGITS:
        return Answer("odd", why="is too long to be read")
    try:
        return Answer.from_text(bytes.fromhex(text).decode())
    except ValueError:
        return Answer("odd", why="could not be read")


def _imports(code: str) -> list[str]:
    """The import statements at the top level of a cell; none if it is not plain Python."""
    if len(code) > _PARSED_CHARS:
        return []
    try:
        tree = parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        lines = [line for line in code.splitlines() if line.startswith(("import ", "from "))]
        return lines[:50]
    found = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return found[:50]
