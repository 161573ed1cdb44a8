"""What is right: checks that ask an engine and answer with findings."""

from __future__ import annotations

from grader.expect.answer_data import Answer, Json, plain, same, say
from grader.expect.check import Checker
from grader.expect.finding import Finding, Outcome, Status, TaskOutcome
from grader.expect.inspector import EngineInspector, Inspector, LiveInspector
from grader.expect.probes import HttpReply, Reached, Resolved, UdpReply
from grader.expect.show import CheckFailed, CouldNotCheck, Verdict, as_html, as_text
from grader.expect.student_values import Hidden, StudentValues

__all__ = [
    "Answer",
    "CheckFailed",
    "Checker",
    "CouldNotCheck",
    "EngineInspector",
    "Finding",
    "Hidden",
    "HttpReply",
    "Inspector",
    "Json",
    "LiveInspector",
    "Outcome",
    "Reached",
    "Resolved",
    "Status",
    "StudentValues",
    "TaskOutcome",
    "UdpReply",
    "Verdict",
    "as_html",
    "as_text",
    "plain",
    "same",
    "say",
]
