"""The report's page, the table in the terminal and the numbers in both."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from grader.expect.finding import Finding, Outcome
from grader.expect.student_values import Hidden, StudentValues
from grader.grading.judge.results import ChapterResult, SubmissionResult, TaskResult
from grader.grading.report import summary as report_summary
from grader.grading.report.data import ClassReport, Entry, Row, of_results, row_of
from grader.grading.report.export import as_csv
from grader.grading.report.page import duration, percent, points, render_page, ticks, todos, write_report
from grader.grading.report.summary import OWN_PORT, OWN_WORD, numbers, summarize
from grader.grading.report.terminal import render_table
from tests.unit.grading.report.made import CSS, EVIL, Tags, check_schema, failed, report_on, submissions

# -- the page


def test_the_page_escapes_and_tells_everything(result, tmp_path):
    page = write_report(of_results(result, EVIL), tmp_path / "deep" / "report.html").read_text()
    found = Tags(page)
    assert not {"script", "img", "link", "iframe", "object", "form"} & found.tags
    assert not [name for name in found.attributes if name.startswith("on") or name == "src"]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", page)
    assert all(link.startswith("#") for link in found.links)
    assert "url(" not in page
    assert "://" not in page
    text = " ".join("".join(found.text).split())
    for said in ("tampered: <script>", "limit reached: <script>", "3 of 7.5", "so far", "not reached"):
        assert said in text


def test_links_lead_somewhere_and_ids_are_there_once(result):
    found = Tags(render_page(of_results(result)))
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links} <= set(found.ids)


def test_an_empty_chapter_is_a_page_a_table_and_files(tmp_path):
    empty = ChapterResult("ch01-tiny", ())
    page = write_report(of_results(empty), tmp_path / "report.html").read_text()
    assert "0 of 0 submissions" in page
    assert "No one." in page
    render_table(empty, Console(file=io.StringIO()))
    check_schema(of_results(empty))
    assert as_csv(of_results(empty)).count("\r\n") == 1


def test_plots_have_their_numbers_in_words():
    page = render_page(report_on(*[[TaskResult.of("a", 2, Outcome.passed())]] * 3, [failed("a")]))
    assert 'aria-label="Students by score. 0 points: 1 student; 2 points: 3 students"' in page
    assert 'aria-label="a: 3 passed, 1 failed, 0 not reached, 0 blocked"' in page


def test_what_needs_an_eye_is_listed_by_name(result):
    base = of_results(result)
    rows = (
        *base.rows,
        Row("wanda", "waiting"),
        Row("abe", "absent"),
        Row("dora", "damaged", problem="x.json is damaged"),
        replace(base.rows[0], student="olga", outdated=True, lags=True),
    )
    found = {todo.title: (todo.students, todo.lines) for todo in todos(replace(base, rows=rows))}
    assert found["Problems"] == ((), (EVIL,))
    assert found["Verdict cannot be read"] == ((), ("dora: x.json is damaged",))
    assert found["Submitted, not graded yet"] == (("wanda",), ())
    assert found["No submission"] == (("abe",), ())
    assert found["Graded before something changed"] == found["Not in the gradebook"] == (("olga",), ())
    assert set(found["Blocked: lost"][0]) == {"ada", EVIL, "olga"}
    page = render_page(replace(base, rows=rows))
    assert all(name in page for name in ("wanda", "abe", "dora: x.json", "olga"))


def test_a_submission_that_could_not_be_run_is_told_once():
    problem = "ch01.ipynb is empty"
    tasks = (TaskResult("a", 2, "failed", (), problem), TaskResult("b", 2, "failed", (), problem))
    report = of_results(ChapterResult("ch01", (SubmissionResult("ada", tasks, (problem,)),)))
    summary = summarize(report)
    assert [(told.text, told.students) for told in summary.unreadable] == [(problem, ("ada",))]
    assert summary.remarks == summary.other_reasons == ()
    assert summary.seconds is None


def test_backticks_are_code_and_nothing_else_is_markup():
    assert ticks("use `docker ps <x>` & see") == "use <code>docker ps &lt;x&gt;</code> &amp; see"
    assert ticks("one ` alone <b>") == "one ` alone &lt;b&gt;"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.44, "0.4 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (3599.9, "1 h"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations(seconds, said):
    assert duration(seconds) == said


def test_shares_are_never_rounded_to_all_or_nothing():
    assert [percent(share) for share in (0, 0.004, 0.5, 0.999, 1)] == ["0%", "<1%", "50%", ">99%", "100%"]
    assert [points(value) for value in (None, 3.0, 1 / 3)] == ["–", "3", "0.33"]


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    light = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(scheme):
    """WCAG 2.2: 4.5 for text, 3 for graphics."""
    block = re.findall(r":root \{(.*?)\}", CSS.read_text(), flags=re.DOTALL)[scheme]
    colour = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
    outcomes = ("passed", "failed", "not-reached", "blocked")
    text = [(ink, on) for ink in ("ink", "quiet", "accent") for on in ("page", "card", "wash")]
    text += [("on", outcome) for outcome in outcomes] + [(outcome, "card") for outcome in outcomes]
    for least, pairs in ((4.5, text), (3, [("bar", "card"), ("bar", "wash")])):
        for one, other in pairs:
            low, high = sorted((luminance(colour[one]), luminance(colour[other])))
            assert (high + 0.05) / (low + 0.05) >= least, (one, other)


# -- the table


def test_the_table_prints_marks_and_no_markup_of_theirs(result):
    out = io.StringIO()
    render_table(result, Console(file=out, width=200, no_color=True))
    text = out.getvalue()
    assert "✔ 3/3" in text
    assert "✘ 0/2.5" in text
    assert "\x1b" not in text
    assert "[red]" in text
    assert "not graded:" in text


# -- the numbers


@given(
    st.lists(st.floats(0, 1000) | st.integers(0, 25).map(float), min_size=1, max_size=60),
    st.floats(0, 500),
    st.booleans(),
)
def test_every_value_is_in_one_bar(values, top, whole):
    found = numbers(values, top, whole=whole)
    assert found is not None
    assert sum(bar.count for bar in found.bars) == found.count == len(values)
    assert found.least <= found.lower <= found.median <= found.upper <= found.most
    assert len(found.bars) <= report_summary.MOST_POINTS + 1
    if not found.points:
        assert len(found.bars) <= report_summary.MOST_BARS
        assert found.bars[-1].high >= max(*values, top) * (1 - 1e-9)
    for bar, following in zip(found.bars, found.bars[1:], strict=False):
        assert bar.high == following.low
        inside = [v for v in values if bar.low * (1 + 1e-8) <= v < bar.high * (1 - 1e-8)]
        assert bar.count >= len(inside)


def test_a_histogram_of_few_whole_points_has_a_bar_for_each():
    found = numbers([0, 3, 3, 5], 5, whole=True)
    assert found is not None
    assert [(bar.low, bar.count) for bar in found.bars] == [(0, 1), (1, 0), (2, 0), (3, 2), (4, 0), (5, 1)]
    assert (found.median, found.mean, found.total) == (3, 2.75, 11)
    assert numbers([], 5) is None
    one = numbers([4.0], 5)
    assert one is not None
    assert (one.lower, one.median, one.upper) == (4, 4, 4)


def test_findings_of_different_values_are_one_kind_and_the_most_frequent_wording_comes_first():
    def wrong(student, found):
        mine = StudentValues(student)
        return [
            failed(
                "web",
                Finding(
                    f"container {mine.word('web')}", "port", f"5000 on {mine.port('web')}", found, "A hint."
                ),
            )
        ]

    tasks = [
        wrong("s0", "80"),
        wrong("s1", "none"),
        wrong("s2", "none"),
        [failed("web", Finding("x", "y", "", "z"))],
    ]
    first, second = summarize(report_on(*tasks)).findings
    assert (first.subject, first.property, first.students) == (
        f"container {OWN_WORD}",
        "port",
        ("s0", "s1", "s2"),
    )
    assert [(v.expected, v.found, v.hint, v.count) for v in first.variants] == [
        (f"5000 on {OWN_PORT}", "none", "A hint.", 2),
        (f"5000 on {OWN_PORT}", "80", "A hint.", 1),
    ]
    assert (second.subject, second.students) == ("x", ("s3",))


def test_a_students_own_value_inside_another_word_stays():
    word = StudentValues("ada").word("web")
    plain = report_summary.own_values("ada", "web")
    assert plain(f"'{word}' {word}s x{word} {word}_1") == f"'{OWN_WORD}' {word}s x{word} {OWN_WORD}_1"
    found = Hidden("ada").word("web")
    assert plain(f"container {found} at {Hidden('ada').port('web')}") == f"container {OWN_WORD} at {OWN_PORT}"


def test_blocked_work_is_in_nobodys_numbers_until_a_person_grades_it():
    blocked = [TaskResult.of("a", 2, Outcome.blocked("no room"))]
    full = [TaskResult.of("a", 2, Outcome.passed())]
    summary = summarize(report_on(blocked, full))
    assert (summary.complete, summary.full) == (1, 1)
    assert summary.scores is not None
    assert summary.scores.mean == 2
    assert summary.tasks[0].mean == 2
    assert [told.students for told in summary.blocked] == [("s0",)]

    by_hand = row_of(submissions(blocked)[0], Entry(manual={"test-a": 1.0}), {"a": "test-a"})
    summary = summarize(ClassReport("c", "c", (("a", 2),), (by_hand,), datetime.now(UTC)))
    assert (summary.complete, summary.blocked) == (1, ())
    assert summary.scores is not None
    assert summary.scores.mean == 1


def test_points_are_added_as_the_gradebook_does():
    result = SubmissionResult(
        "ada", (TaskResult.of("a", 2, Outcome.passed()), TaskResult.of("b", 3, Outcome.failed()))
    )
    entry = Entry(
        auto={"ta": 2.0, "tb": 0.0, "essay": None},
        manual={"tb": 1.5, "essay": 4.0},
        extra={"ta": 0.5},
        penalty=3.0,
        comments=2,
    )
    row = row_of(result, entry, {"a": "ta", "b": "tb"}, [("essay", 5.0), ("poem", 2.0)])
    assert (row.before_penalty, row.score, row.max_score) == (8.0, 5.0, 12.0)
    assert (row.to_mark, row.lags, row.blocked) == (1, False, False)
    assert replace(row, penalty=100.0).score == 0
    assert row_of(result, replace(entry, auto={"ta": 2.0}), {"a": "ta", "b": "tb"}).lags


def test_a_reason_does_not_repeat_the_notes():
    note = "tampered: test cell 'a' was changed; the instructor's was used"
    tasks = (
        TaskResult.of("a", 1, Outcome.passed(), note),
        TaskResult.of("b", 1, Outcome.failed(Finding("x", "y", "", "z")), note),
        TaskResult.of("c", 1, Outcome.blocked("no room"), note),
    )
    row = row_of(SubmissionResult("ada", tasks, (note,)))
    assert [mark.reason for mark in row.marks] == ["", "", "no room"]


def test_notes_are_told_apart_and_counted_without_cell_numbers():
    notes = (
        "tampered: test cell 'a' was changed; the instructor's was used",
        "solution cell 'b' is there more than once",
        "test cell 'b' was before its task; it ran after it",
        "not followed: x is a link or not a regular file",
        "limit reached: 60 s for one cell; cell 12 was stopped",
        "the kernel ended in cell 3; a fresh one went on",
        "file left out: big.bin is larger than 5 bytes (6)",
    )
    other = notes[4].replace("12", "7")
    results = [
        SubmissionResult("ada", (TaskResult.of("a", 1, Outcome.passed()),), notes),
        SubmissionResult("bob", (TaskResult.of("a", 1, Outcome.passed()),), (other,)),
    ]
    summary = summarize(of_results(ChapterResult("c", tuple(results))))
    assert [told.text for told in summary.tampered] == [notes[0]]
    assert [told.text for told in summary.changed] == sorted(notes[1:4])
    assert [(told.text, told.students) for told in summary.limits] == [
        ("limit reached: 60 s for one cell; cell … was stopped", ("ada", "bob")),
        ("the kernel ended in cell …; a fresh one went on", ("ada",)),
    ]
    assert [told.text for told in summary.remarks] == [notes[6]]
