"""Findings are printable and bounded."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from grader.expect import Finding
from grader.expect.finding import MAX_WORDS

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_a_finding_is_printable_and_bounded_whoever_makes_it(subject: str, found: str, hint: str) -> None:
    finding = Finding(subject, "property", "", found, hint)
    assert str(finding).isprintable()
    assert all(len(value) <= MAX_WORDS for value in finding.as_dict().values())
    assert json.loads(json.dumps(finding.as_dict())) == finding.as_dict()
