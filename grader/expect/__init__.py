"""What is right: checks that ask an engine and answer with findings."""

from __future__ import annotations

from grader.expect.check import Checker
from grader.expect.finding import Finding, Outcome, Status, TaskOutcome
from grader.expect.mine import Hidden, Mine
from grader.expect.probes import HttpReply, Reached, Resolved, UdpReply
from grader.expect.said import Json, Said, plain, same, say
from grader.expect.show import CheckFailed, CouldNotLook, Verdict, as_html, as_text
from grader.expect.witness import EngineWitness, LiveWitness, Witness

__all__ = [
    "CheckFailed",
    "Checker",
    "CouldNotLook",
    "EngineWitness",
    "Finding",
    "Hidden",
    "HttpReply",
    "Json",
    "LiveWitness",
    "Mine",
    "Outcome",
    "Reached",
    "Resolved",
    "Said",
    "Status",
    "TaskOutcome",
    "UdpReply",
    "Verdict",
    "Witness",
    "as_html",
    "as_text",
    "plain",
    "same",
    "say",
]
