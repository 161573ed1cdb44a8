"""13: nothing that a student gets or can look for holds a line of a hidden test, or an expected value."""

from __future__ import annotations

import secrets

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from grader.course import Course
from grader.grading.demo import submit_notebook
from grader.grading.grade import grade
from grader.grading.release import release
from tests.grading import tiny

SECRET = secrets.token_hex(12)
"""The expected value, and beside it in a hidden line."""

HOOKS = """\
import builtins, sys, threading
heard = []
shell = get_ipython()
shell.events.register("pre_run_cell", lambda info: heard.append(info.raw_cell))
shell.events.register("post_run_cell", lambda result: heard.append(str(result.info)))
shell.input_transformers_cleanup.append(lambda lines: heard.append("".join(lines)) or lines)
deserialize = shell.kernel.session.deserialize
def hear(*given, **named):
    message = deserialize(*given, **named)
    heard.append(str(message))
    return message
shell.kernel.session.deserialize = hear
def frames(frame, event, argument):
    if len(heard) < 3000: heard.append(str(frame.f_locals)[:2000])
sys.setprofile(frames)
events = client.api.events(decode=False)
threading.Thread(target=lambda: [heard.append(str(event)) for event in events], daemon=True).start()"""

SEARCH = """\
sys.setprofile(None)
import os, re
first, rest = {first!r}, {rest!r}
found, looked = [], dict(files=0, memory=0, heard=len(heard), processes=0, engine=0)
def check(data, where):
    # Never joined: a search for the whole word would find itself.
    at = data.find(first)
    while at >= 0:
        if data[at + len(first):at + len(first) + len(rest)][::-1] == rest: found.append(where)
        at = data.find(first, at + 1)
for text in heard: check(text.encode(), "heard")
for top in ("/", "/proc/1/root", "/proc/self/cwd"):
    for folder, folders, names in os.walk(top):
        if folder == "/": folders[:] = [name for name in folders if name not in ("proc", "sys")]
        for name in names:
            path = os.path.join(folder, name)
            try:
                if os.path.isfile(path) and os.path.getsize(path) < 1 << 21:
                    looked["files"] += 1
                    with open(path, "rb") as file: check(file.read(), path)
            except OSError: pass
        if len(found) > 20 or top != "/" and looked["files"] > 30000: break
for pid in filter(str.isdigit, os.listdir("/proc")):
    looked["processes"] += 1
    for name in ("cmdline", "environ", "maps"):
        try: check(open(f"/proc/{{pid}}/{{name}}", "rb").read(), f"{{pid}} {{name}}")
        except OSError: pass
    try:
        with open(f"/proc/{{pid}}/mem", "rb", 0) as memory:
            for line in open(f"/proc/{{pid}}/maps"):
                start, end = (int(x, 16) for x in line.split()[0].split("-"))
                if " rw" in line and end - start < 1 << 28:
                    try:
                        memory.seek(start); data = memory.read(end - start)
                    except OSError: continue
                    looked["memory"] += len(data)
                    check(data, f"memory of {{pid}}")
    except OSError: pass
import requests
api = client.api
for path in ("/info", "/version", "/containers/json?all=1", "/images/json", "/volumes", "/networks",
             "/events?since=0&until=9999999999"):
    try:
        text = api.get(api._url("") + path, timeout=3).content
        looked["engine"] += len(text); check(text, path)
    except requests.exceptions.RequestException: pass
print("LOOKED", looked)
print("FOUND", found)"""

CONTROL = 'planted = "{whole}"'


@pytest.fixture(scope="module")
def spied(tmp_path_factory, engine_image):
    """Three spies: one that looks, one with the secret planted for it to find, one who is right."""
    course = tiny.make_course(tmp_path_factory.mktemp("spied") / "course")
    chapter = course.chapter("ch01")
    source = nbformat.read(chapter.notebook, as_version=4)
    test, solution = tiny.cell(source, "test-sum"), tiny.cell(source, "sum")
    test.source = test.source.replace("said.equals(42)", f'said.equals("{SECRET}")  # {SECRET}')
    solution.source = solution.source.replace("6 * 7", f'"{SECRET}"')
    nbformat.write(source, chapter.notebook)
    text = (course.root / "chapters.toml").read_text()
    (course.root / "chapters.toml").write_text(text.replace("cell_s = 20", "cell_s = 60"))
    course = Course.read(course.root)
    chapter = course.chapter("ch01")
    release(course, [chapter])
    path = course.root / "release" / chapter.id / chapter.notebook.name
    search = SEARCH.format(first=SECRET[:12].encode(), rest=SECRET[12:].encode()[::-1])
    for student in ("spy", "planted"):
        notebook = tiny.solve(nbformat.read(path, as_version=4), chapter, ["greeter"])
        tiny.cell(notebook, "sum").source = "total = 0"
        notebook.cells.insert(2, new_code_cell(HOOKS))
        if student == "planted":
            notebook.cells.append(new_code_cell(CONTROL.format(whole=SECRET)))
        notebook.cells.append(new_code_cell(search))
        submit_notebook(course, chapter, student, notebook)
    graded = grade(course, chapter)
    return course, {result.student: result for result in graded.students}


def searched(course, student):
    """What a spy's last cell printed."""
    path = course.root / "autograded" / student / tiny.CHAPTER / f"{tiny.CHAPTER}.ipynb"
    outputs = nbformat.read(path, as_version=4).cells[-1].outputs
    text = "\n".join(output.get("text", "") + output.get("evalue", "") for output in outputs)
    assert "LOOKED" in text, text
    return text


def test_a_spy_in_the_kernel_finds_nothing(spied):
    course, results = spied
    text = searched(course, "spy")
    assert "FOUND []" in text, text
    looked = eval(text.partition("LOOKED ")[2].splitlines()[0])
    assert all(looked.values()), looked
    assert looked["files"] > 1000, looked
    assert looked["memory"] > 10 << 20, looked
    assert [task.outcome for task in results["spy"].tasks] == ["passed", "failed"]


def test_the_same_spy_finds_what_is_planted(spied):
    course, _ = spied
    text = searched(course, "planted")
    assert "memory of" in text, text
    assert "heard" in text.partition("FOUND")[2], text


def test_nothing_that_is_handed_back_holds_the_secret(spied):
    course, _ = spied
    looked = 0
    for step in ("release", "autograded", "feedback"):
        for path in sorted((course.root / step).rglob("*")):
            if path.is_file() and "planted" not in path.parts:
                looked += 1
                text = path.read_text(errors="replace")
                # The spy's own halves are in its cell; the whole is nowhere.
                assert SECRET not in text, path
                assert "said.equals" not in text
                assert "box.ran(" not in text
    assert looked >= 3
