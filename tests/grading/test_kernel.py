"""Driving a kernel: limits, deaths, answers and lies, with a local kernel for this file's own code."""

from __future__ import annotations

import resource
import time
from contextlib import closing

import pytest

from grader.course import Limits
from grader.grading.judge.kernel import KernelSession, _imports
from tests.grading.local_kernel import LocalEngine

LIMITS = Limits(cell_s=20, output_bytes=20_000)


@pytest.fixture(scope="module")
def engine():
    with closing(LocalEngine()) as engine:
        yield engine


@pytest.fixture
def session(engine, tmp_path):
    (tmp_path / "data.txt").write_text("from the submission")
    with closing(KernelSession(engine, tmp_path, LIMITS, "import os\nready = 'set up'")) as session:
        yield session


def text(run):
    return "".join(output.get("text", "") for output in run.outputs)


def test_runs_cells_in_one_namespace_beside_the_files(session):
    assert session.run("x = open('data.txt').read()", 10).ending == "ok"
    run = session.run("import sys\nprint(x)\nprint('warn', file=sys.stderr)\nx", 10)
    assert run.ending == "ok"
    assert [output.output_type for output in run.outputs] == ["stream", "stream", "display_data"]
    assert run.outputs[0].text == "from the submission\n"


def test_an_error_is_the_cells_and_the_next_one_runs(session):
    run = session.run("1 / 0", 10)
    assert run.ending == "error"
    assert run.outputs[-1].ename == "ZeroDivisionError"
    assert session.run("2", 10).ending == "ok"


def test_only_text_and_pictures_are_kept(session):
    run = session.run(
        "from IPython.display import display\n"
        "display({'text/html': '<script>', 'application/javascript': '1', 'image/png': 'aGk=',"
        " 'text/plain': 'words'}, raw=True)\n"
        "display({'image/png': '\"><script>', 'image/svg+xml': '<svg onload=x>'}, raw=True)",
        10,
    )
    assert [dict(output.data) for output in run.outputs] == [{"text/plain": "words", "image/png": "aGk="}]


def test_a_result_cannot_look_like_a_score(session):
    run = session.run("1000000", 10)
    assert [output.output_type for output in run.outputs] == ["display_data"]


def test_a_cell_over_its_time_is_interrupted_and_the_kernel_lives(session):
    session.run("kept = 1", 10)
    run = session.run("import time\nwhile True: time.sleep(0.1)", 1)
    assert run.ending == "timeout"
    assert run.outputs[-1].ename == "TimeLimit"
    assert session.run("kept", 10).ending == "ok"


def test_a_loop_that_swallows_interrupts_is_ended_and_a_fresh_kernel_is_set_up(session):
    session.run("import json", 10)
    start = time.monotonic()
    loop = (
        "import time\nwhile True:\n    try:\n        time.sleep(5)\n    except BaseException:\n        pass"
    )
    assert session.run(loop, 1).ending == "timeout"
    assert time.monotonic() - start < 15
    run = session.run("print(ready, os.sep, json.dumps([]))", 10)
    assert (run.ending, text(run)) == ("ok", "set up / []\n")


@pytest.mark.parametrize("code", ["import os\nos._exit(0)", "import os, signal\nos.kill(os.getpid(), 9)"])
def test_a_kernel_that_ends_costs_the_cell(session, code):
    run = session.run(code, 20)
    assert run.ending == "died"
    assert run.outputs[-1].ename == "KernelDied"
    assert text(session.run("print(ready)", 10)) == "set up\n"


def test_sys_exit_is_an_error_of_the_cell(session):
    session.run("import sys\nsys.exit(0)", 10)
    assert session.run("1", 10).ending in ("ok", "error")
    assert text(session.run("print('on')", 10)) == "on\n"


def test_quit_costs_no_later_cell(session):
    """The kernel ends a moment after it has replied."""
    run = session.run("x = 1\nquit()", 10)
    assert run.ending == "died"
    assert run.outputs[-1].evalue.startswith("this cell ended the kernel")
    assert session.run("print(ready)", 10).outputs[0].text == "set up\n"


def test_a_kernel_that_takes_its_time_to_quit_costs_no_later_cell(session):
    run = session.run("import atexit, time\natexit.register(time.sleep, 60)\nquit()", 10)
    assert run.ending == "died"
    assert session.run("print(ready)", 10).outputs[0].text == "set up\n"


def test_quit_that_keeps_the_kernel_keeps_it(session):
    assert session.run("x = 1\nquit(keep_kernel=True)", 10).ending == "ok"
    assert session.run("print(x)", 10).outputs[0].text == "1\n"


def test_an_import_that_kills_does_not_kill_every_kernel(session):
    session.run("import json", 10)
    session._imports.append("raise SystemExit; import os; os._exit(1)")
    session._imports.append("import os; os._exit(1)")
    session.run("import os; os._exit(0)", 10)
    assert text(session.run("print(ready)", 20)) == "set up\n"


def test_output_is_cut_at_the_budget_and_said(session):
    run = session.run("for n in range(2000): print('x' * 100)", 20)
    assert run.ending == "ok"
    assert run.cut
    kept = text(run)
    assert "output cut" in kept
    assert len(kept) < LIMITS.output_bytes + 500
    later = session.run("print('y' * 100)", 10)
    assert "y" not in text(later)


@pytest.mark.timeout(60)
def test_one_huge_message_costs_the_outputs_not_the_run(session):
    run = session.run("print('x' * 30_000_000)", 20)
    assert run.ending == "ok"
    assert len(text(run)) < LIMITS.output_bytes + 500
    assert run.cut
    assert run.outputs[-1].ename == "OutputLimit"
    assert not session.run("still = 1", 10).cut


@pytest.mark.timeout(60)
def test_after_a_huge_message_later_outputs_come_through(engine, tmp_path):
    limits = Limits(cell_s=20, output_bytes=1_000_000)
    with closing(KernelSession(engine, tmp_path, limits)) as session:
        assert session.run("print('x' * 30_000_000)", 20).outputs[-1].ename == "OutputLimit"
        run = session.run("print('later')", 10)
        assert text(run) == "later\n"
        assert not run.cut


def test_answers_are_plain_data(session):
    session.run("number, words, box = 42, ['a', None], object()", 10)
    found = session.answers(["number", "words", "box", "missing"])
    assert (found["number"].state, found["number"].value) == ("given", 42)
    assert found["words"].value == ["a", None]
    assert found["box"].state == "odd"
    assert found["missing"].state == "missing"
    assert session.answers([]) == {}
    assert session.answers(["not a name; import os"]) == {}


def test_answers_survive_what_a_notebook_does_to_its_display_and_names(session):
    session.run(
        "number, type, globals, str = 42, 'shadowed', 'shadowed', 'shadowed'\n"
        "formatters = get_ipython().display_formatter.formatters\n"
        "for formatter in formatters.values(): formatter.for_type(object, lambda *a: None)\n"
        "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])",
        10,
    )
    assert session.answers(["number"])["number"].value == 42


def test_a_number_that_claims_to_equal_everything_is_the_number_that_it_is(session):
    session.run("class Yes(int):\n    def __eq__(self, other): return True\nlie = Yes(1)", 10)
    found = session.answers(["lie"])["lie"]
    assert (found.state, type(found.value), found.value) == ("given", int, 1)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "lie",
    [
        "import grader.expect.answer_data as s\ns.say = lambda *a: 5",
        "import grader.expect.answer_data as s\ns.Answer.to_text = lambda self: '[' * 60000",
        "import sys\nsys.modules['grader.expect.answer_data'] = None",
        "get_ipython().user_expressions = lambda *a: 'nonsense'",
        "get_ipython().user_expressions = lambda *a: {'number': {'data': {MIME: 'zz'}}}",
        "get_ipython().user_expressions = lambda *a: {'number': {'data': {MIME: 'a' * 10**6}}}",
    ],
)
def test_lies_about_answers_are_at_most_odd(session, lie):
    session.run(f"number = 1\nMIME = 'application/vnd.dockbook.answer'\n{lie}", 10)
    found = session.answers(["number"])
    assert "number" not in found or found["number"].state == "odd"


@pytest.mark.timeout(60)
def test_forged_messages_are_noise(session):
    code = """
import zmq, json
kernel = get_ipython().kernel
session, socket = kernel.session, kernel.iopub_socket
parent = kernel.get_parent("shell")
contents = [5, None, {"execution_state": 7}, {"name": [], "text": {}}, {"data": "x"}]
for content in [*contents, {"data": {"image/png": 7}}]:
    for kind in ("stream", "display_data", "execute_result", "error", "status", "clear_output", "\\x00"):
        session.send(socket, kind, content=content, parent=parent)
session.send(socket, "execute_result", {"data": {"text/plain": "5"}, "execution_count": 1}, parent=parent)
socket.send_multipart([b"torn", b"<IDS|MSG>", b"nosignature", b"{", b"{", b"{", b"{"])
print("end")
"""
    run = session.run(code, 20)
    assert run.ending in ("ok", "error")
    assert not any(output.output_type == "execute_result" for output in run.outputs)
    assert text(session.run("print('next')", 10)) == "next\n"


ENDLESS = """
import os, socket
def link(n):
    try: return os.readlink(f"/proc/self/fd/{n}")
    except OSError: return ""
outputs = [line.split() for line in open("/proc/net/unix") if line.rstrip().endswith("s-2")]
inodes = {f"socket:[{line[6]}]" for line in outputs if line[5] == "03"}
wires = [int(n) for n in os.listdir("/proc/self/fd") if link(n) in inodes]
wire = socket.socket(fileno=os.dup(wires[0]))
wire.setblocking(True)
size = 1_000_000
for _ in range(600):
    wire.sendall(bytes([3]) + size.to_bytes(8, "big") + bytes(size))
"""
"""Into the connection itself: one message of 600 MB, in frames that each are within bounds."""


@pytest.mark.timeout(90)
def test_a_message_without_an_end_does_not_fill_this_side(session):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = session.run(ENDLESS, 20)
    assert run.cut, run
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert text(session.run("print('next')", 10)) == "next\n"


TALK = """
import threading
kernel = get_ipython().kernel
def talk():
    while True: kernel.session.send(kernel.iopub_socket, "stream", {"name": "stdout", "text": "x"})
threading.Thread(target=talk, daemon=True).start()
print("x" * 5_000_000)
"""


@pytest.mark.timeout(90)
def test_a_kernel_that_never_stops_talking_does_not_hold_up_the_run(session):
    """While a new channel is waited for, and while its old messages are read."""
    start = time.monotonic()
    first = session.run(TALK, 10)
    # Two threads of that kernel use one socket: of what it says, some is cut, or all is lost.
    assert first.cut or not first.outputs
    assert session.run("print('next')", 10).ending in ("ok", "timeout", "died")
    session.answers(["x"])
    assert time.monotonic() - start < 70


def test_a_cell_of_megabytes_is_not_parsed_on_this_side():
    """Its tree would take a thousand times its size."""
    assert _imports("import json\nx = 1") == ["import json"]
    started = time.process_time()
    assert _imports("import json\nx = [" + "[1]," * 500_000 + "]") == []
    assert time.process_time() - started < 1
