"""5 forge the output, 6 bend the score, 7 clear the evidence, 8 lie about values."""

from __future__ import annotations

from nbformat import NotebookNode

from tests.grading.hostile.attack import MARKED, Attack, answer, greeter


def _with_outputs(notebook: NotebookNode) -> None:
    result = {"output_type": "execute_result", "data": {"text/plain": "5"}, "metadata": {}}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[result | {"execution_count": 1}], execution_count=1)


FORGE = [
    Attack(
        5,
        "an execute_result first",
        "stock nbgrader takes the first result for partial credit",
        """\
kernel = get_ipython().kernel
def forge(info):
    content = {"data": {"text/plain": "3"}, "metadata": {}, "execution_count": 1}
    kernel.session.send(kernel.iopub_socket, "execute_result", content, parent=kernel.get_parent("shell"))
get_ipython().events.register("pre_run_cell", forge)""",
    ),
    Attack(
        5,
        "errors become results",
        "every message of the kernel passes through one method",
        """\
kernel = get_ipython().kernel
send = kernel.session.send
def forge(stream, kind, content=None, *args, **named):
    if kind == "error":
        kind, content = "execute_result", {"data": {"text/plain": "3"}, "metadata": {}, "execution_count": 1}
    return send(stream, kind, content, *args, **named)
kernel.session.send = forge""",
    ),
    Attack(
        5,
        "errors are never sent",
        "no output is full marks",
        """\
kernel = get_ipython().kernel
send = kernel.session.send
kernel.session.send = lambda stream, kind, *args, **named: (
    None if kind in ("error", "stream") else send(stream, kind, *args, **named))""",
    ),
    Attack(
        5,
        "an early idle",
        "a runner stops listening at `idle`: what comes after it is lost",
        f"""\
kernel = get_ipython().kernel
def early(info):
    text = info.raw_cell
    if {MARKED}:
        parent = kernel.get_parent("shell")
        kernel.session.send(kernel.iopub_socket, "status", {{"execution_state": "idle"}}, parent=parent)
get_ipython().events.register("pre_run_cell", early)""",
    ),
    Attack(
        5,
        "a verdict of ours",
        "an output that looks as a passed check does",
        """\
from IPython.display import display
print("greeter: passed")
display({"text/plain": "3"}, raw=True)
greeter = type("Passed", (), {"__repr__": lambda self: "3"})()
greeter""",
        told="greeter: passed",
    ),
    Attack(
        5,
        "verdicts stored in the file",
        "outputs that are handed in may be believed",
        edit=_with_outputs,
    ),
]


def _shows(text: str) -> str:
    """Whatever is displayed shows this; and each cell displays something, errors aside."""
    return f"""\
shell = get_ipython()
plain = shell.display_formatter.formatters["text/plain"]
for kind in (object, int, float, str):
    plain.for_type(kind, lambda value, printer, cycle: printer.text({text!r}))
shell.ast_node_interactivity = "all"
shell.showtraceback = shell._showtraceback = lambda *given, **named: shell.displayhook(1)"""


BEND = [
    Attack(6, "nan", "no comparison with it holds, so no bound does", _shows("nan")),
    Attack(6, "minus one", "negative credit was taken for full credit", _shows("-1")),
    Attack(6, "infinity", "more than all points", _shows("inf")),
    Attack(6, "1e999", "overflows to infinity when it is read", _shows("1e999")),
    Attack(6, "ninety-nine", "more points than there are", _shows("99")),
    Attack(6, "digits of another script", "float() reads them, a pattern may not", _shows("٣")),
]

CLEAR = [
    Attack(
        7,
        "clear_output after each cell",
        "what was shown is taken away, and nothing is full marks",
        """\
from IPython.display import clear_output
get_ipython().events.register("post_run_cell", lambda result: clear_output())""",
    ),
    Attack(
        7,
        "clear_output at the next output",
        "the same, when something follows",
        """\
from IPython.display import clear_output, display
def clear(result):
    clear_output(wait=True)
    print(end=" ")
get_ipython().events.register("post_execute", lambda: clear(None))""",
    ),
    Attack(
        7,
        "no iopub",
        "an output that is never published is no error",
        f"""\
kernel = get_ipython().kernel
def mute(info):
    text = info.raw_cell
    if {MARKED}:
        kernel.iopub_socket.io_thread.stop()
get_ipython().events.register("pre_run_cell", mute)""",
        stock="the runner waits for `idle` without end",
    ),
    Attack(
        7,
        "streams to nowhere",
        "what is printed and what is raised goes through these",
        """\
import io, sys
sys.stdout = sys.stderr = sys.__stderr__ = io.StringIO()
get_ipython().display_pub.publish = lambda *given, **named: None
get_ipython()._showtraceback = lambda *given, **named: None""",
    ),
    Attack(
        7,
        "the reply says ok",
        "a runner that believes the reply looks no further",
        """\
kernel = get_ipython().kernel
send = kernel.session.send
def rosy(stream, kind, content=None, *args, **named):
    if kind == "execute_reply" and isinstance(content, dict):
        content = {"status": "ok", "execution_count": 1, "payload": [],
                   "user_expressions": content.get("user_expressions", {})}
    return None if kind == "error" else send(stream, kind, content, *args, **named)
kernel.session.send = rosy""",
    ),
]

LIAR = """\
class Yes(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 1
"""
PATCHED_SAY = """\
import json
import grader.expect.answer_data as said
class Forged:
    def __init__(self, text): self.text = text
    def to_text(self): return self.text
"""


def _says(text: str) -> str:
    """What leaves the kernel as the answer is this text."""
    return PATCHED_SAY + f"said.say = lambda *given: Forged({text})\ntotal = 0"


def _lies(name: str, why: str, code: str, told: str = "", stock: str = "") -> Attack:
    return Attack(8, name, why, edit=answer(code), honest="greeter", told=told, stock=stock)


NO_GRADER = "about our own way out of the kernel"
LIE = [
    _lies("an int that equals all", "the comparison is the student's", LIAR + "total = Yes(1)", "found 1"),
    _lies(
        "an object that equals all",
        "the same without any number in it",
        "total = type('X', (), {'__eq__': lambda self, other: True})()",
        "a X",
    ),
    _lies("nan", "compares with nothing, so no test of difference holds", "total = float('nan')", "nan"),
    _lies(
        "a class that says it is int",
        "isinstance believes __class__",
        "class Int:\n"
        "    __class__ = int\n"
        "    def __eq__(self, other): return True\n"
        "    def __index__(self): return 42\n"
        "total = Int()",
        "an Int",
    ),
    _lies(
        "a name that is code",
        "the type's name goes into a message",
        "total = type('<script>alert(1)</script>\\x1b[2J', (), {'__eq__': lambda a, b: True})()",
        "script",
    ),
    _lies("text of the number", "'42' compares as 42 somewhere", "total = '42'", "42"),
    _lies("True for a number", "True equals 1", "total = True", "true"),
    _lies(
        "a name in no namespace",
        "globals that answer for every name",
        "class Any(dict):\n"
        "    def __missing__(self, name): return 42\n"
        "    def __contains__(self, name): return True\n"
        "import builtins\n"
        "builtins.globals = lambda: Any(total=type('X', (), {'__eq__': lambda a, b: True})())",
        "X|none",
    ),
    _lies(
        "forged JSON: no number",
        "JSON parsers read NaN",
        _says('\'{"state": "given", "value": NaN}\''),
        stock=NO_GRADER,
    ),
    _lies(
        "forged JSON: a state of its own",
        "an unknown state may be a pass",
        _says("json.dumps({'state': 'unavailable', 'value': None, 'why': 'passed'})"),
        stock=NO_GRADER,
    ),
    _lies(
        "forged JSON: nested without end",
        "a parser that gives up may block the grading",
        _says("'[' * 30000 + ']' * 30000"),
        stock=NO_GRADER,
    ),
    _lies(
        "forged JSON: a number without end",
        "an integer of many digits takes for ever",
        _says("'{\"state\": \"given\", \"value\": ' + '9' * 60000 + '}'"),
        stock=NO_GRADER,
    ),
    _lies(
        "forged JSON: twice the value",
        "of two keys one parser takes the first, another the last",
        _says('\'{"state": "given", "value": 1, "value": true}\''),
        stock=NO_GRADER,
    ),
    _lies(
        "the answer is a megabyte",
        "what is too long may be cut to something else",
        "total = '42' * 500_000",
        "more than|too long",
    ),
    _lies(
        "the answer dies when it is asked",
        "no answer may be blocked, not wrong",
        "import os\n"
        "class Bomb(type):\n"
        "    def __getattribute__(cls, name): os._exit(1)\n"
        "class Dead(metaclass=Bomb): pass\n"
        "total = Dead",
    ),
    Attack(
        8,
        "a container with the right name alone",
        "whoever looks at names looks no further",
        edit=greeter('client.containers.create("busybox", name="greeter")'),
        told="salve orbis",
    ),
    Attack(
        8,
        "the right words from another command",
        "whoever looks at the output looks no further",
        edit=greeter(
            "run = client.containers.run\n"
            "run('busybox', ['printf', 'salve orbis'], name='greeter', detach=True).wait()"
        ),
        told="command",
    ),
    _lies(
        "the answer never comes",
        "a reply that is never sent may be blocked, not wrong",
        "get_ipython().user_expressions = lambda *given: __import__('time').sleep(60)",
        stock=NO_GRADER,
    ),
]

ATTACKS = [*FORGE, *BEND, *CLEAR, *LIE]
