"""Body of the process that draws what students wrote (``rendering``): requests in, HTML out, a line each."""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from grader.grading import feedback, safe_markdown
from grader.grading.rendering import MEMORY_BYTES


def _answer(request: dict[str, Any]) -> str:
    if request["what"] == "markdown":
        return safe_markdown.as_html(request["source"], request["attachments"])
    return feedback.draw(
        request["notebook"], request["resources"], request["config"], plainly=bool(request["plain"])
    )


def main() -> None:
    """Answer until the other side closes."""
    answers, sys.stdout = sys.stdout, sys.stderr
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        # The process that asked may have been killed: nothing is left running.
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime + float(request["seconds"]) + 5)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        try:
            answer: dict[str, str] = {"html": _answer(request)}
        # A fault of a library in a student's text costs the drawing of it, nothing else.
        except Exception as error:  # noqa: BLE001
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
