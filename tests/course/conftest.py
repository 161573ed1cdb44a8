"""Each written chapter in turn, for tests that read its notebook."""

from __future__ import annotations

import pytest

from grader.course import Chapter
from tests.course.notebooks import COURSE


@pytest.fixture(params=COURSE.written, ids=lambda chapter: chapter.id)
def chapter(request: pytest.FixtureRequest) -> Chapter:
    found = request.param
    assert isinstance(found, Chapter)
    return found
