"""Steps of ``dockbook test`` that run side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grader.cli import side_by_side
from grader.cli.side_by_side import Step, run

ROOT = Path(__file__).resolve().parents[3]


def python(name: str, code: str, **facts: object) -> Step:
    return Step(name, (sys.executable, "-c", code), **facts)  # type: ignore[arg-type]


def test_results_are_in_the_order_of_the_steps(tmp_path):
    said: list[str] = []
    steps = [python("slow", "import time; time.sleep(0.5); print('late')"), python("bad", "exit(3)")]
    results = run(steps, tmp_path, lanes=2, tell=said.append)
    assert [(result.step.name, result.code) for result in results] == [("slow", 0), ("bad", 3)]
    text = "\n".join(said)
    assert text.index("bad: FAILED (3)") < text.index("late\n") < text.index("slow: passed")


def test_two_lanes_run_two_at_once(tmp_path):
    """Each waits for the other: in turn they would never end."""
    os.mkfifo(tmp_path / "pipe")
    both = [python("read", "open('pipe').read()"), python("write", "open('pipe', 'w').write('x')")]
    assert [result.code for result in run(both, tmp_path, lanes=2, tell=lambda _: None)] == [0, 0]


def test_what_comes_after_waits_and_what_is_alone_is_alone(tmp_path):
    note = "import os; open('order', 'a').write('{0} '); {1}; open('order', 'a').write('{0}. ')"
    steps = [
        python("alone", note.format("alone", "pass"), alone=True, after=("first",)),
        python("first", note.format("first", "import time; time.sleep(0.3)")),
        python("then", note.format("then", "pass"), after=("first", "is not in this run")),
    ]
    run(steps, tmp_path, lanes=3, tell=lambda _: None)
    order = (tmp_path / "order").read_text().split()
    assert order[:2] == ["first", "first."]
    assert sorted([order[2:4], order[4:]]) == [["alone", "alone."], ["then", "then."]]


def test_a_missing_tool_has_failed(tmp_path):
    said: list[str] = []
    (result,) = run([Step("gone", ("no-such-tool",))], tmp_path, lanes=2, tell=said.append)
    assert result.code == side_by_side.MISSING
    assert "no-such-tool is not installed" in "\n".join(said)


def test_an_interrupted_run_lets_its_steps_tidy_up(tmp_path):
    """And once only: pytest takes a second Ctrl-C for an order to drop everything."""
    step = (
        "import pathlib, time\ntry:\n    pathlib.Path('begun').touch(); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(0.3); pathlib.Path('tidied').touch()"
    )
    code = (
        "import sys; from pathlib import Path; from grader.cli.side_by_side import Step, run\n"
        f"run([Step('one', (sys.executable, '-c', {step!r}))], Path('.'), lanes=2)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        ticks = threading.Event()
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            ticks.wait(0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None and "KeyboardInterrupt" in process.stderr.read()
    assert (tmp_path / "tidied").exists()


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_report_of_before_is_not_taken_for_todays(tmp_path, lanes):
    report = tmp_path / "build" / "report.xml"
    report.parent.mkdir()
    report.write_text("<old/>")
    run([Step("one", ("true",), report)], tmp_path, lanes=lanes, tell=lambda _: None)
    assert not report.exists()
