"""Python source as a tree, from any thread."""

from __future__ import annotations

import ast
import threading

_ONE_AT_A_TIME = threading.Lock()


def parse(source: str) -> ast.Module:
    """``ast.parse``, one at a time. Raises the same exceptions.

    Up to Python 3.11.4 the interpreter counts the depth of the trees that it builds for all threads together:
    two at once end in "SystemError: AST constructor recursion depth mismatch"
    (https://github.com/python/cpython/issues/106905). Debian 12 has 3.11.2.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source)
