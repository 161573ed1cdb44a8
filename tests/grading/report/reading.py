"""The report of a course, by the command and as data."""

from __future__ import annotations

from grader.cli import main
from grader.grading.journal import Journal
from grader.grading.report.gather import gather
from grader.grading.verdicts import Verdicts


def report(course, *more):
    return main(["report", "ch01", "--course", str(course.root), *more])


def read(course):
    return gather(course, course.chapter("ch01"))


def by_name(course):
    return {row.student: row for row in read(course).rows}


def verdict_file(course, student):
    chapter = course.chapter("ch01")
    return Verdicts(course, chapter).folder / f"{Journal(course, chapter).judged(student)}.json"
