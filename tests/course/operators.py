"""Ways to change one thing in a solution cell. Each gives edits of the text: where, what instead, which kind.

The operators know Python, docker-py's words and Dockerfiles, and nothing of any task: what they make is
generated from the good solution alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.course import shell_operators
from tests.course.text_operators import Edit, in_dockerfile, in_script, is_dockerfile, other_image

_PORT = re.compile(r"\d+/(tcp|udp)\Z")
_ADDRESS = {"127.0.0.1": "0.0.0.0", "0.0.0.0": "127.0.0.1"}
_NO_MATTER = {
    "timeout": "how long the cell waits, never what it leaves behind",
    "sleep": "how long the cell waits, never what it leaves behind",
    "wait": "how long the cell waits, never what it leaves behind",
    "detach": "whether the cell waits for the container: the container is the same",
    "rm": "whether the build keeps its own containers: no task asks for that",
    "fileobj": "without what it is to build from, a build is an error and proves nothing",
    "path": "without what it is to build from, a build is an error and proves nothing",
    "name": "without a name it has another: the operator for names does that",
}
"""Calls and keywords that no operator touches, with the reason."""
_LOOKS_UP = ("get", "connect", "disconnect")
_DOCKER_HUB = ("debian:trixie", "busybox", "training/webapp", "hello-world", "httpd")
_TWIN = (
    'client.images.build(fileobj=__import__("io").BytesIO(b"FROM {}\\nLABEL twin=yes"), tag="{}", rm=True)'
)


@dataclass(frozen=True)
class Cell:
    """A good solution: ``source``, and the lines of it (from 0) that a student writes."""

    source: str
    first: int
    last: int
    answers: tuple[str, ...]
    boxes: tuple[str, ...] = ()
    """Names of containers that the task's cells make or forget."""
    networks: tuple[str, ...] = ()
    """Names of networks, likewise."""


def edits(cell: Cell) -> Iterator[Edit]:
    """All single changes of a solution, in the order of the text."""
    found = [*_Walker(cell).edits(), *shell_operators.edits(cell.source, cell.first, cell.last)]
    yield from sorted(found, key=lambda edit: (edit.at, edit.until))
    yield from _at_the_end(cell)


def _at_the_end(cell: Cell) -> Iterator[Edit]:
    """One statement more: an answer twisted, a container left in another state than it was made in."""
    end = len(cell.source.rstrip())
    for name in cell.answers:
        if not re.search(rf"^{name} = (\"[^\"]*\"|\d+|True|False)$", cell.source, re.MULTILINE):
            near = f"not {name} if type({name}) is bool else {name} + 1 if type({name}) is int"
            yield Edit(end, end, f"\n{name} = {near} else {name}[:-1]", "answer")
    # What has ended by itself stays as it is.
    lasts = re.search(r"detach|-d |networks|rename|start\(\)", cell.source) and "wait(" not in cell.source
    for name in _made(cell) if lasts else ():
        box = f'\nclient.containers.get("{name}")'
        yield Edit(end, end, f"{box}.stop(timeout=0)", "running")
        if "network" in cell.source:
            yield Edit(end, end, f'\nclient.networks.get("bridge").connect("{name}")', "network")


def _made(cell: Cell) -> list[str]:
    """Names of containers that a solution makes or works on."""
    text = "\n".join(cell.source.splitlines()[cell.first : cell.last + 1])
    return [name for name in cell.boxes if re.search(rf'"{name}"|--name {name}\b', text)]


class _Walker:
    """Goes through the tree; strings, numbers, calls and statements each have their operators."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        lines = cell.source.splitlines(keepends=True)
        self.starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
        # A line for the shell is a blank statement to Python, of the same length.
        plain = "".join("pass #" + line[6:] if line.startswith("!") else line for line in lines)
        self.tree = ast.parse(plain)
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def edits(self) -> Iterator[Edit]:
        for node in ast.walk(self.tree):
            line = getattr(node, "lineno", 0) - 1
            if not self.cell.first <= line <= self.cell.last or self._inside_fstring(node):
                continue
            if isinstance(node, ast.stmt):
                yield from self._statement(node)
            elif isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
            ):
                yield from self._string(node)
            elif isinstance(node, ast.Constant):
                yield from self._number(node)
            elif isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.keyword):
                yield from self._keyword(node)
            elif isinstance(node, ast.Dict):
                yield from self._dict(node)
            elif isinstance(node, ast.List):
                yield from self._list(node)
            elif isinstance(node, ast.Compare):
                yield from self._compare(node)

    # -- where things are

    def _span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, (ast.expr, ast.stmt, ast.keyword))
        assert node.end_lineno is not None and node.end_col_offset is not None
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def _text(self, node: ast.AST) -> str:
        at, until = self._span(node)
        return self.cell.source[at:until]

    def _instead(self, node: ast.AST, new: str, kind: str) -> Edit:
        return Edit(*self._span(node), new, kind)

    def _left_out(self, node: ast.AST, until: int, kind: str) -> Edit:
        """Without an item of a list, and the comma that told it from its neighbour."""
        at = self._span(node)[0]
        source = self.cell.source
        behind = re.match(r"\s*,\s*", source[until:])
        if behind:
            return Edit(at, until + behind.end(), "", kind)
        before = re.search(r",\s*\Z", source[:at])
        return Edit(before.start() if before else at, until, "", kind)

    def _inside_fstring(self, node: ast.AST) -> bool:
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.JoinedStr):
                return True
        return False

    def _statement_of(self, node: ast.AST) -> ast.stmt:
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def _method(self, call: ast.AST) -> str:
        func = call.func if isinstance(call, ast.Call) else None
        return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""

    # -- operators

    def _statement(self, node: ast.stmt) -> Iterator[Edit]:
        # Without an import, a function or a name every later line is an error, which proves nothing; without
        # an answer there is none, which any question finds. A container made and not run is sharper.
        alone = isinstance(node, (ast.Expr, ast.AugAssign)) and self._method(node.value) not in _NO_MATTER
        if alone and "containers.run(" not in self._text(node):
            yield self._instead(node, "pass", "statement")

    def _call(self, node: ast.Call) -> Iterator[Edit]:
        method = self._method(node)
        if method == "run":
            assert isinstance(node.func, ast.Attribute)
            until = self._span(node.func)[1]
            yield Edit(until - len("run"), until, "create", "running")
        elif method == "port" and self._text(node).startswith("mine."):
            yield self._instead(node, f"{self._text(node)} + 1", "host port")
        elif method == "word" and self._text(node).startswith("mine."):
            yield self._instead(node, '"another"', "own value")

    def _keyword(self, node: ast.keyword) -> Iterator[Edit]:
        if node.arg is None or node.arg in _NO_MATTER:
            return
        kinds = {"ports": "ports", "environment": "environment", "tag": "tag"}
        yield self._left_out(node, self._span(node)[1], kinds.get(node.arg, "argument"))

    def _dict(self, node: ast.Dict) -> Iterator[Edit]:
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant):
                continue
            if isinstance(key.value, str) and _PORT.match(key.value):
                yield from self._door(value)
            elif key.value not in (*_NO_MATTER, "DEBIAN_FRONTEND"):
                yield self._left_out(key, self._span(value)[1], "argument")

    def _door(self, value: ast.expr) -> Iterator[Edit]:
        """Where a published port is reached: one more way in, and an address where there was none."""
        text = self._text(value)
        yield self._instead(value, f'[{text}, ("0.0.0.0", 5999)]', "bind address")
        if not isinstance(value, ast.Tuple):
            yield self._instead(value, f'("127.0.0.1", {text})', "bind address")

    def _list(self, node: ast.List) -> Iterator[Edit]:
        words = [item for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        recipe = any(is_dockerfile(str(word.value)) for word in words)
        if len(words) == len(node.elts) > 1 and "-c" not in [word.value for word in words]:
            for word in words if recipe else words[-1:]:
                yield self._left_out(word, self._span(word)[1], "dockerfile" if recipe else "command")

    def _compare(self, node: ast.Compare) -> Iterator[Edit]:
        other = {ast.Eq: "!=", ast.GtE: ">", ast.Lt: "<=", ast.In: "not in"}
        for operator in node.ops[:1]:
            new = other.get(type(operator))
            if new:
                at, until = self._span(node.left)[1], self._span(node.comparators[0])[0]
                yield Edit(at, until, f" {new} ", "comparison")

    def _number(self, node: ast.Constant) -> Iterator[Edit]:
        parent = self.parents[node]
        if isinstance(node.value, bool) or not isinstance(node.value, int):
            if node.value in (True, False) and isinstance(parent, ast.Assign):
                yield self._instead(node, str(not node.value), "answer")
            return
        if isinstance(parent, ast.keyword) and parent.arg in _NO_MATTER:
            return
        if isinstance(parent, ast.Call) and self._method(parent) in _NO_MATTER:
            return
        door = isinstance(parent, (ast.Tuple, ast.Dict))
        if not door or node.value > 1:  # {"stdin": 1} is left out as an argument
            kind = "host port" if door else "answer" if isinstance(parent, ast.Assign) else "number"
            yield self._instead(node, str(node.value + 1), kind)

    def _string(self, node: ast.Constant | ast.JoinedStr) -> Iterator[Edit]:
        text, (at, until) = self._text(node), self._span(node)
        value = node.value if isinstance(node, ast.Constant) else text
        value = value.decode() if isinstance(value, bytes) else str(value)
        parent = self.parents[node]
        if is_dockerfile(value):
            yield from in_dockerfile(text, at)
        elif isinstance(node, ast.JoinedStr):
            yield from in_script(text, at, "answer" if isinstance(parent, ast.Assign) else "command")
        elif _PORT.match(value):
            port, _, protocol = value.partition("/")
            yield Edit(at, until, f'"{int(port) + 1}/{protocol}"', "container port")
            yield Edit(at, until, f'"{port}/{"udp" if protocol == "tcp" else "tcp"}"', "protocol")
        elif value in _ADDRESS:
            yield Edit(at, until, f'"{_ADDRESS[value]}"', "bind address")
        else:
            yield from self._by_role(node, value, parent)

    def _by_role(self, node: ast.Constant, value: str, parent: ast.AST) -> Iterator[Edit]:
        """What a text is follows from where it stands."""
        at, until = self._span(node)
        if isinstance(parent, (ast.keyword, ast.Dict)):
            yield from self._by_keyword(node, value, parent)
        elif isinstance(parent, ast.BinOp) and value.startswith(":"):
            yield Edit(at, until, f'"{value}x"', "tag")
        elif isinstance(parent, (ast.List, ast.Tuple)) and value not in ("sh", "-c", "/bin/sh"):
            around = self.parents[parent]
            loop = isinstance(around, (ast.comprehension, ast.For))
            if loop and (isinstance(around, ast.comprehension) or node != parent.elts[0]):
                return  # one of several that are treated alike
            answer = isinstance(around, ast.Assign) and isinstance(parent, ast.Tuple)
            yield from in_script(self._text(node), at, "answer" if answer else "command")
        elif isinstance(parent, (ast.Assign, ast.AugAssign)):
            names = [ast.unparse(target) for target in getattr(parent, "targets", [])]
            if {*names} & {*self.cell.answers}:
                yield Edit(at, until, f'"{self._other_answer(value)}"', "answer")
            else:
                yield from in_script(self._text(node), at, "command")
        elif isinstance(parent, ast.Call) and node in parent.args:
            yield from self._by_call(node, value, parent, parent.args.index(node))

    def _other_answer(self, value: str) -> str:
        """The answer to another question of the cell, if there is one."""
        texts = re.findall(r'^\w+ = "([^"]*)"$', self.cell.source, re.MULTILINE)
        return next((text for text in texts if text != value), value[:-1])

    def _by_keyword(self, node: ast.Constant, value: str, parent: ast.AST) -> Iterator[Edit]:
        at, until = self._span(node)
        name = parent.arg if isinstance(parent, ast.keyword) else None
        if isinstance(parent, ast.Dict) and node in parent.values:
            key = parent.keys[parent.values.index(node)]
            name = str(key.value) if isinstance(key, ast.Constant) else None
        if name == "name":
            yield Edit(at, until, f'"{value}s"', "name")
        elif name in ("Image", "image"):
            yield Edit(at, until, f'"{other_image(value)}"', "image")
        elif name == "tag":
            yield Edit(at, until, f'"{value}x"', "tag")
        elif name in ("author", "message"):
            yield Edit(at, until, f'"{value[:-1]}"', "argument")
        elif name == "entrypoint":
            yield Edit(at, until, '"echo"', "command")

    def _by_call(self, node: ast.Constant, value: str, call: ast.Call, place: int) -> Iterator[Edit]:
        at, until = self._span(node)
        method, func = self._method(call), ast.unparse(call.func)
        if method in ("run", "create") and place == 0 and "containers" in func:
            yield from self._twins(node, value)
        elif method in ("run", "create") and place == 1:
            yield from in_script(self._text(node), at, "command")
        elif method == "rename" or (method in ("tag", "commit") and place == 0):
            yield Edit(at, until, f'"{value}s"', "name")
        elif "images." in func and method in ("get", "pull", "list", "search"):
            yield Edit(at, until, f'"{other_image(value)}"', "image")
        elif method in _LOOKS_UP:
            # A name that nobody has is an error and proves nothing: that of a neighbour.
            names = self.cell.networks if func.endswith("networks.get") else self.cell.boxes
            for sibling in [name for name in names if name != value][:1]:
                yield Edit(at, until, f'"{sibling}"', "name")
        elif method == "write_text":
            yield Edit(at, until, f'"{value[:-1]}x"', "file")
        elif method == "sendall":
            yield from in_script(self._text(node), at, "command")
        elif method == "ask":
            yield from in_script(self._text(node), at, "argument")

    def _twins(self, node: ast.Constant, value: str) -> Iterator[Edit]:
        """Another image that behaves the same: under a name of its own, or under the name that was asked."""
        at, until = self._span(node)
        statement = self._statement_of(node)
        begin = self._span(statement)[0]
        indent = " " * (begin - self.starts[statement.lineno - 1])
        between = self.cell.source[begin:at]
        for name, kind in (("twin", "image"), (value, "impostor")):
            if kind == "impostor" and value not in _DOCKER_HUB:
                continue
            made = _TWIN.format(value, name)
            yield Edit(begin, until, f'{made}\n{indent}{between}"{name}"', kind)
