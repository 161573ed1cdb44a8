"""Attacks inside half-right work (`sum` is solved, `greeter` is not): exactly the honest half, never more.

One or more variants of the families 1 to 8, 10, 11, 12 and 18: the tests, their runner, their outputs, the
values, the library, the engine's address, the kernel's life.
"""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from grader.grading.demo import CHEAT, hand_in
from grader.grading.grade import grade
from grader.grading.gradebook import Books
from tests.grading import tiny

LIAR = """
class Yes(int):
    def __eq__(self, other): return True
    def __hash__(self): return 1
"""

# Run after the set-up cell, before any task.
ATTACKS = {
    "2 input transformer": (
        "get_ipython().input_transformers_cleanup.append("
        "lambda lines: ['pass\\n'] if any('check' in line for line in lines) else lines)"
    ),
    "3 ast transformer": (
        "import ast\n"
        "class Drop(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node): return ast.Pass()\n"
        "    def visit_With(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Drop())"
    ),
    "4 replaced runner": (
        "shell = get_ipython()\n"
        "original = shell.run_cell_async\n"
        "def lie(raw_cell, *args, **kwargs):\n"
        "    return original('pass' if 'check' in raw_cell else raw_cell, *args, **kwargs)\n"
        "shell.run_cell_async = lie"
    ),
    "5 forged result": (
        "kernel = get_ipython().kernel\n"
        "def forge(info):\n"
        "    content = {'data': {'text/plain': '3'}, 'metadata': {}, 'execution_count': 1}\n"
        "    parent = kernel.get_parent('shell')\n"
        "    kernel.session.send(kernel.iopub_socket, 'execute_result', content, parent=parent)\n"
        "get_ipython().events.register('pre_run_cell', forge)"
    ),
    "6 nan": (
        "formatter = get_ipython().display_formatter.formatters['text/plain']\n"
        "for kind in (int, float, str): formatter.for_type(kind, lambda value, p, cycle: p.text('nan'))"
    ),
    "6 minus one": (
        "formatter = get_ipython().display_formatter.formatters['text/plain']\n"
        "formatter.for_type(object, lambda value, p, cycle: p.text('-1'))"
    ),
    "7 cleared outputs": (
        "from IPython.display import clear_output\n"
        "get_ipython().events.register('post_run_cell', lambda result: clear_output())"
    ),
    "10 other kernels' files": (
        "import glob, json, os\n"
        "roots = ('/run', '/tmp', '/home', '/engine')\n"
        "for path in [path for root in roots for path in glob.glob(f'{root}/**/*.json', recursive=True)]:\n"
        "    try: print(path, open(path).read()[:200])\n"
        "    except OSError: pass"
    ),
    "11 everything patched": CHEAT,
    "11 sys.modules": (
        "import sys, types\n"
        "fake = types.ModuleType('docker')\n"
        "fake.from_env = lambda *a, **k: None\n"
        "sys.modules['docker'] = fake\n"
        "import grader.expect.check, grader.state\n"
        "grader.expect.check.Block.__exit__ = lambda self, *error: True\n"
        "grader.expect.check.Block.__enter__ = lambda self: client"
    ),
    "12 DOCKER_HOST": (
        "import os\nos.environ['DOCKER_HOST'] = 'tcp://127.0.0.1:1'\nos.environ['DOCKER_CONTEXT'] = 'mine'"
    ),
    "12 replaced socket": (
        "import os, socket\n"
        "for path in ('/run/docker.sock', '/var/run/docker.sock', '/engine/docker.sock'):\n"
        "    try:\n"
        "        os.unlink(path)\n"
        "        socket.socket(socket.AF_UNIX).bind(path)\n"
        "    except OSError as error: print(error)"
    ),
    "12 killed dockerd": (
        "import os, signal\n"
        "for pid in [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (os.getpid(), 1)]:\n"
        "    try: os.kill(int(pid), signal.SIGKILL)\n"
        "    except OSError: pass"
    ),
    "18 os._exit": "import os\nos._exit(0)",
    "18 sys.exit": "import sys\nsys.exit(0)",
    "18 segfault": "import ctypes\nctypes.string_at(0)",
    "18 exit at a check": (
        "import os\n"
        "get_ipython().events.register('pre_run_cell',"
        " lambda info: os._exit(0) if 'check' in info.raw_cell else None)"
    ),
}


def half_right(course):
    chapter = course.chapter("ch01")
    notebook = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    return chapter, tiny.solve(notebook, chapter, ["sum"])


def told(result):
    """For a failure: everything that was said of each task, and the submission's notes."""
    return [(task.task, task.outcome, task.words()) for task in result.tasks], result.notes


def assert_exactly_the_half(course, chapter):
    (result,) = grade(course, chapter).students
    assert [task.outcome for task in result.tasks] == ["failed", "passed"], told(result)
    assert Books(course).scores(chapter, "mallory") == {"greeter": 0, "sum": 2}
    return result


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_in_a_cell_gains_nothing_and_costs_only_itself(course, name):
    chapter, notebook = half_right(course)
    notebook.cells.insert(2, new_code_cell(ATTACKS[name]))
    hand_in(course, chapter, "mallory", notebook)
    assert_exactly_the_half(course, chapter)


@pytest.mark.parametrize("tag", ["skip-execution", "raises-exception", "remove-cell"])
def test_1_tags_on_tests(course, tag):
    chapter, notebook = half_right(course)
    for cell in notebook.cells:
        cell.metadata["tags"] = [tag]
    hand_in(course, chapter, "mallory", notebook)
    result = assert_exactly_the_half(course, chapter)
    assert any(tag in note for note in result.notes)


@pytest.mark.parametrize(
    "value", ["Yes(1)", "type('X', (), {'__eq__': lambda a, b: True})()", "float('nan')"]
)
def test_8_values_that_lie(course, value):
    chapter = course.chapter("ch01")
    notebook = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    notebook = tiny.solve(notebook, chapter, ["greeter"])
    tiny.cell(notebook, "sum").source = f"{LIAR}\ntotal = {value}"
    hand_in(course, chapter, "mallory", notebook)
    (result,) = grade(course, chapter).students
    assert [task.outcome for task in result.tasks] == ["passed", "failed"], told(result)


@pytest.mark.parametrize(
    "name", ["docker.py", "grader.py", "json.py", "IPython.py", "sitecustomize.py", "usercustomize.py"]
)
def test_11_modules_beside_the_notebook(course, name):
    chapter, notebook = half_right(course)
    path = hand_in(course, chapter, "mallory", notebook)
    (path.parent / name).write_text("from_env = DockerClient = check = lambda *a, **k: None\n")
    (result,) = grade(course, chapter).students
    assert result.tasks[0].outcome == "failed", told(result)
    assert result.tasks[1].outcome != "blocked", told(result)
    assert result.score <= 2


def test_a_container_that_only_has_the_right_name_is_not_the_work(course):
    chapter, notebook = half_right(course)
    tiny.cell(notebook, "greeter").source = 'client.containers.create("busybox", name="greeter")'
    hand_in(course, chapter, "mallory", notebook)
    result = assert_exactly_the_half(course, chapter)
    assert result.tasks[0].findings
