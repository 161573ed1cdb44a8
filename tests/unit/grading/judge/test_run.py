"""The run's rules, with an engine, a kernel and a look that do as a test says: who fails, who is blocked."""

from __future__ import annotations

import json
from functools import partial

import nbformat
import pytest
from nbformat.v4 import new_output

from grader.errors import Blocked, EngineDied, EngineError, EngineUnavailable, KernelError
from grader.expect.answer_data import Answer
from grader.expect.finding import Finding, Outcome
from grader.grading.judge.kernel import CellRun
from grader.grading.judge.results import SubmissionResult
from grader.grading.judge.run import grade_submission
from grader.grading.judge.submission import read_submission
from tests.grading import tiny


class World:
    """Plays engine, kernel and tests. ``at[code]`` is what happens in a cell that contains ``code``."""

    def __init__(self, at=None, looks=None, boots=()):
        self.at, self.looks, self.boots = at or {}, looks or {}, list(boots)
        self.opened = self.closed = self.attempt = 0
        self.ran: list[str] = []
        self.limits: list[str] = []
        self.dead = False

    def factory(self):
        self.attempt += 1
        self.dead, self.ran = False, []
        if self.boots:
            trouble = self.boots.pop(0)
            if trouble:
                raise trouble
        self.opened += 1
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.closed += 1

    def alive(self):
        return not self.dead

    def limits_reached(self):
        reached, self.limits = self.limits, []
        return reached

    def session(self, engine, files, limits, setup):
        assert (files / "figures" / "dot.svg").is_file()
        return self

    def close(self):
        pass

    def _happen(self, things, key):
        for part, thing in things.items():
            if part in key:
                return thing(self) if callable(thing) else thing
        return None

    def run(self, code, timeout_s):
        self.ran.append(code)
        return self._happen(self.at, code) or CellRun("ok", ())

    def answers(self, names):
        return {name: Answer("given", 42) for name in names}

    def look(self, task, engine, answers, outcomes):
        happened = self._happen(self.looks, task.id)
        if happened is not None:
            return happened
        solved = {"greeter": "salve", "sum": "6 * 7"}[task.id]
        return Outcome.passed() if any(solved in code for code in self.ran) else Outcome.failed()


@pytest.fixture
def chapter(tmp_path):
    return tiny.make_course(tmp_path / "course").chapter("ch01")


@pytest.fixture
def submit(tmp_path, chapter):
    def make(*tasks, edit=None):
        folder = tmp_path / "ada" / chapter.id
        folder.mkdir(parents=True)
        notebook = tiny.student_notebook(chapter, *tasks)
        if edit:
            edit(notebook)
        nbformat.write(notebook, folder / chapter.notebook.name)
        return read_submission(folder, chapter, "ada")

    return make


def run(chapter, submission, world, session=None):
    result = grade_submission(
        chapter, submission, world.factory, session_factory=session or world.session, look=world.look
    )
    assert world.closed == world.opened
    json.dumps(result.as_dict())
    nbformat.validate(nbformat.from_dict(dict(result.notebook)))
    return result


def outcomes(result):
    return {task.task: task.outcome for task in result.tasks}


def raising(error):
    def thing(world):
        if isinstance(error, EngineDied):
            world.dead = True
        raise error

    return thing


def test_points_follow_from_outcomes(chapter, submit):
    result = run(chapter, submit("greeter"), World())
    assert outcomes(result) == {"greeter": "passed", "sum": "failed"}
    assert (result.score, result.max_score) == (3, 5)


def test_students_cells_run_in_order_and_tests_never_in_the_kernel(chapter, submit):
    world = World()
    run(chapter, submit("greeter", "sum"), world)
    assert [code.split("\n")[0][:12] for code in world.ran] == [
        "",
        "%load_ext gr",
        "forget_greet",
        "total = 6 * ",
    ]
    assert not any("check(" in code for code in world.ran)


def test_an_error_or_a_death_in_a_cell_costs_that_cell(chapter, submit):
    world = World(at={"salve": CellRun("died", ())})
    result = run(chapter, submit("greeter", "sum"), world)
    assert outcomes(result)["sum"] == "passed"
    assert any("kernel ended in cell 4" in note for note in result.notes)


def test_limits_are_named(chapter, submit):
    world = World(at={"salve": CellRun("timeout", (), cut=True)})
    notes = " ".join(run(chapter, submit("greeter"), world).notes)
    assert "s for one cell; cell 4 was stopped" in notes
    assert "1,000,000 bytes of output" in notes


def test_after_the_time_in_all_cells_do_not_run_and_earlier_points_stay(chapter, submit, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("grader.grading.judge.run.time.monotonic", lambda: now[0])

    def slow(world):
        now[0] += chapter.limits.total_s + 1
        return CellRun("ok", ())

    result = run(chapter, submit("greeter", "sum"), World(at={"salve": slow}))
    assert outcomes(result) == {"greeter": "passed", "sum": "failed"}
    assert any("time in all (60 s)" in note for note in result.notes)


@pytest.mark.parametrize("state", ["missing", "unreadable"])
def test_nothing_to_run_is_zero_with_the_reason_and_no_engine(chapter, tmp_path, state):
    folder = tmp_path / "ada" / chapter.id
    folder.mkdir(parents=True)
    if state == "unreadable":
        (folder / chapter.notebook.name).write_text('{"cells": [{')
    world = World()
    result = run(chapter, read_submission(folder, chapter, "ada"), world)
    assert world.attempt == 0
    assert set(outcomes(result).values()) == {"failed"}
    assert all(chapter.notebook.name in task.reason for task in result.tasks)


def test_no_outcome_of_a_look_is_ever_points(chapter, submit):
    world = World(looks={"greeter": Outcome("failed", reason="the test cell gave no outcome")})
    assert run(chapter, submit("greeter"), world).score == 0


def test_an_engine_that_dies_once_is_tried_again_from_scratch(chapter, submit):
    def once(world):
        if world.attempt == 1:
            raising(EngineDied("gone"))(world)
        return CellRun("ok", ())

    world = World(at={"6 * 7": once})
    result = run(chapter, submit("greeter", "sum"), world)
    assert (world.attempt, result.score) == (2, 5)


def test_dead_again_at_the_same_cell_fails_from_there_and_keeps_what_came_before(chapter, submit):
    world = World(at={"6 * 7": raising(EngineDied("gone"))})
    result = run(chapter, submit("greeter", "sum"), world)
    assert world.attempt == 2
    assert outcomes(result) == {"greeter": "passed", "sum": "failed"}
    assert "twice" in str(result.tasks[1].findings[0])


@pytest.mark.parametrize(
    ("places", "boots", "rest"),
    [
        (("load_ext", "salve", "6 * 7"), [], "failed"),
        (("6 * 7", "salve", "load_ext"), [], "failed"),
        # An engine that never came up is nobody's doing: this is not settled.
        (("load_ext", "salve", "6 * 7"), [None, EngineDied("at once")], "blocked"),
    ],
)
def test_three_deaths_at_three_places_settle_it(chapter, submit, places, boots, rest):
    """Else work that kills its engines by chance would stay Blocked, and the instructor's to judge."""

    def die(world, place):
        if places[world.attempt - 1] == place:
            raising(EngineDied("gone"))(world)
        return CellRun("ok", ())

    world = World(at={place: partial(die, place=place) for place in places}, boots=boots)
    result = run(chapter, submit("greeter", "sum"), world)
    assert world.attempt == 3
    assert outcomes(result)["sum"] == rest


def test_a_silent_death_of_the_engine_is_noticed(chapter, submit):
    def die(world):
        world.dead = True
        return CellRun("ok", ())

    result = run(chapter, submit("greeter", "sum"), World(at={"salve": die}))
    assert outcomes(result) == {"greeter": "failed", "sum": "failed"}


def test_an_engine_that_dies_while_a_test_looks(chapter, submit):
    def die(world):
        world.dead = True
        raise Blocked("no answer")

    assert outcomes(run(chapter, submit("greeter", "sum"), World(looks={"sum": die}))) == {
        "greeter": "passed",
        "sum": "failed",
    }


@pytest.mark.parametrize(
    "trouble",
    [EngineError("no space"), EngineUnavailable("no namespaces"), EngineDied("at once"), OSError(28, "full")],
)
def test_an_engine_that_does_not_boot_blocks_and_is_no_zero(chapter, submit, trouble):
    world = World(boots=[trouble] * 9)
    result = run(chapter, submit("greeter"), world)
    assert set(outcomes(result).values()) == {"blocked"}
    assert result.blocked
    assert 1 < world.attempt <= 3
    assert str(trouble.args[0]) in result.tasks[0].reason


def test_a_boot_that_fails_once_is_forgiven(chapter, submit):
    assert run(chapter, submit("greeter", "sum"), World(boots=[EngineError("busy")])).score == 5


def test_a_fault_of_the_grader_blocks_and_is_said(chapter, submit):
    world = World(looks={"sum": raising(ZeroDivisionError("ours"))})
    result = run(chapter, submit("greeter", "sum"), world)
    assert outcomes(result) == {"greeter": "passed", "sum": "blocked"}
    assert "ZeroDivisionError" in result.tasks[1].reason


def test_a_look_that_is_blocked_blocks_that_task_alone(chapter, submit):
    world = World(looks={"greeter": raising(Blocked("no answer in 10 s"))})
    assert outcomes(run(chapter, submit("greeter", "sum"), world)) == {"greeter": "blocked", "sum": "passed"}


def test_a_first_kernel_that_does_not_start_is_our_fault(chapter, submit):
    def session(*facts):
        raise KernelError("no kernel")

    result = run(chapter, submit("greeter"), World(), session)
    assert set(outcomes(result).values()) == {"blocked"}


def test_a_kernel_that_cannot_start_again_is_the_submissions(chapter, submit):
    world = World(at={"salve": CellRun("died", ()), "6 * 7": raising(KernelError("no processes left"))})
    result = run(chapter, submit("greeter", "sum"), world)
    assert outcomes(result) == {"greeter": "passed", "sum": "passed"}  # both looks see what ran
    assert any("could not be started again" in note for note in result.notes)


def test_the_notebook_shows_the_verdict_and_no_hidden_line(chapter, submit):
    finding = Finding("<b>", "exit code", "0", "\x1b[31m1", "Look.")
    world = World(looks={"sum": Outcome.failed(finding)})
    notebook = run(chapter, submit("greeter"), world).notebook
    passed = tiny.cell(nbformat.from_dict(dict(notebook)), "test-greeter")
    failed = tiny.cell(nbformat.from_dict(dict(notebook)), "test-sum")
    assert passed.outputs[-1].data["text/plain"] == "3"
    assert failed.outputs[0].output_type == "error"
    assert "\x1b" not in str(failed.outputs)
    assert "equals(42)" not in json.dumps(notebook)


def test_tampering_is_in_the_reason(chapter, submit):
    result = run(
        chapter, submit("greeter", edit=lambda nb: nb.cells.remove(tiny.cell(nb, "test-sum"))), World()
    )
    assert "is not in the notebook" in result.tasks[1].reason
    assert result.tasks[0].reason == ""


def test_a_result_survives_json(chapter, submit):
    finding = Finding("a", "b", "c", "d", "e")
    result = run(chapter, submit("greeter"), World(looks={"sum": Outcome.failed(finding)}))
    data = json.loads(json.dumps(result.as_dict()))
    again = SubmissionResult.from_dict(data, result.notebook, result.seconds)
    assert again == result
    with pytest.raises(ValueError, match="unknown outcome"):
        SubmissionResult.from_dict(
            {**data, "tasks": [{**data["tasks"][0], "outcome": "perfect"}]}, result.notebook, 0
        )


SILENT = Outcome.blocked("the engine took longer than 30 s", silent=True)


def silent_times(times):
    """Looks at a task that get no answer so often, then one."""
    left = [SILENT] * times

    def look(world):
        return left.pop() if left else None

    return look


def test_no_answer_once_is_tried_on_a_fresh_engine(chapter, submit):
    world = World(looks={"greeter": silent_times(1)})
    assert outcomes(run(chapter, submit("greeter", "sum"), world)) == {"greeter": "passed", "sum": "passed"}
    assert world.opened == 2


def test_no_answer_twice_on_fresh_engines_is_a_failure_and_other_tasks_keep_theirs(chapter, submit):
    world = World(looks={"greeter": SILENT})
    result = run(chapter, submit("greeter", "sum"), world)
    assert outcomes(result) == {"greeter": "failed", "sum": "passed"}
    assert "twice on fresh engines" in str(result.tasks[0].findings[0])
    assert world.opened == 2


def test_of_silence_that_wanders_the_task_fails_that_had_it_twice(chapter, submit):
    """There are three engines for a submission at most."""

    def wander(task):
        return lambda world: SILENT if (world.attempt % 2 == 1) == (task == "greeter") else None

    world = World(looks={"greeter": wander("greeter"), "sum": wander("sum")})
    result = run(chapter, submit("greeter", "sum"), world)
    assert outcomes(result) == {"greeter": "failed", "sum": "passed"}
    assert world.opened == 3


def test_what_blocks_for_another_reason_stays_blocked_and_is_not_tried_again(chapter, submit):
    world = World(looks={"greeter": Outcome.blocked("no space left on device")})
    assert outcomes(run(chapter, submit("greeter", "sum"), world)) == {"greeter": "blocked", "sum": "passed"}
    assert world.opened == 1


def test_an_engine_that_is_silent_is_not_waited_for_at_every_task(chapter, submit, monkeypatch):
    monkeypatch.setattr("grader.grading.judge.run.MOST_SILENT", 1)
    looked = []

    def silent(world):
        looked.append(world.attempt)
        return SILENT

    world = World(looks={"greeter": silent, "sum": silent})
    assert outcomes(run(chapter, submit("greeter", "sum"), world)) == {"greeter": "failed", "sum": "failed"}
    assert looked == [1, 2]


def test_what_the_machine_ran_out_of_is_nobodys_zero(chapter, submit, monkeypatch):
    monkeypatch.setattr("grader.grading.judge.run.shortage", lambda: "pseudo-terminals")
    result = run(chapter, submit("greeter"), World())
    assert outcomes(result) == {"greeter": "passed", "sum": "blocked"}
    assert "ran out of pseudo-terminals" in result.tasks[1].reason


def test_a_shortage_that_has_passed_leaves_the_verdict_to_a_fresh_engine(chapter, submit, monkeypatch):
    short = iter(["pseudo-terminals"])
    monkeypatch.setattr("grader.grading.judge.run.shortage", lambda: next(short, ""))
    world = World()
    assert outcomes(run(chapter, submit("greeter"), world)) == {"greeter": "passed", "sum": "failed"}
    assert world.opened == 2


def test_what_a_cell_says_of_the_machine_is_the_students_word(chapter, submit):
    said = new_output("error", ename="OSError", evalue="out of pty devices", traceback=["No space left"])
    world = World(at={"%load_ext": CellRun("error", (said,))})
    assert outcomes(run(chapter, submit("greeter"), world)) == {"greeter": "passed", "sum": "failed"}
