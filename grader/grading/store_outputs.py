"""Runs a chapter's notebook on a real engine and keeps its outputs in the source, for readers to see."""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from grader.errors import CourseError, KernelDied
from grader.files import write_whole
from grader.notebook_shape import name_of

SANITIZER = "nbval.cfg"
CELL_S = 120
"""Seconds for one cell."""
STARTUP_S = 60
_RAISES = "raises-exception"
_PAIRS = re.compile(r"^regex: (.*)$\n^replace: (.*)$", re.MULTILINE)


def store_outputs(notebook: Path, engine_env: Mapping[str, str], prefix: Sequence[str] = ()) -> None:
    """Run ``notebook`` from top to bottom, twice, in fresh kernels and write its outputs into it.

    ``engine_env``: the kernel's whole environment, with ``DOCKER_HOST`` in it (``Engine.env()``).
    ``prefix``: what comes before the kernel's command (``Engine.network_prefix``).

    The file is replaced in one step, and only when every cell ran as intended: without an error, or with one
    where its tag says ``raises-exception``, and both times with the same output. As long as they differ only
    in what the course's ``nbval.cfg`` hides (ids, times, versions), the outputs keep their old text, so that
    storing twice gives one and the same file. Otherwise all are those of one run: readers compare ids.

    Raises CourseError when the notebook cannot be read or a cell did not run as intended, KernelDied when
    the kernel ended.
    """
    source = _read(notebook)
    patterns = _patterns(notebook)
    ran = _run(notebook, source, engine_env, prefix)
    # A second time on the same engine: cells must tolerate that, and a random output becomes visible.
    again = _run(notebook, source, engine_env, prefix)
    for number, (one, other) in enumerate(zip(ran.cells, again.cells, strict=True), 1):
        if not _same(_all_steady(one), _all_steady(other), patterns):
            raise CourseError(
                f"{notebook}: two runs of {_named(one, number)} gave two different outputs.",
                next_step=f"make it print the same each time, or have {SANITIZER} hide what may differ. "
                "Nothing was stored.",
            )
    to_run = [number for number, cell in enumerate(source.cells) if cell.cell_type == "code"]
    outputs = {number: _all_steady(ran.cells[number]) for number in to_run}
    as_before = all(_same(source.cells[number].outputs, outputs[number], patterns) for number in to_run)
    for count, number in enumerate(to_run, 1):
        old = source.cells[number]
        if not as_before:
            old.outputs = outputs[number]
        old.execution_count = count
        for output in old.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    _replace(notebook, nbformat.writes(source).rstrip("\n") + "\n")


MOST_SAID = 2000
"""Characters of a failed cell's message that are passed on."""


class _Client(NotebookClient):
    """One whose kernel may start in another network."""

    prefix: tuple[str, ...] = ()
    sockets = ""
    """Beginning of the paths of the kernel's sockets."""

    def create_kernel_manager(self) -> KernelManager:
        manager = super().create_kernel_manager()
        spec = manager.kernel_spec
        if self.prefix and spec is not None:
            # Over there, this side's loopback is another: files carry the messages.
            manager.transport, manager.ip = "ipc", self.sockets
            spec.argv = [*self.prefix, sys.executable, *spec.argv[1:]]
        return manager


def _read(notebook: Path) -> NotebookNode:
    try:
        with warnings.catch_warnings():
            # A notebook without cell ids is older than they are, and just as valid.
            warnings.simplefilter("ignore")
            source: NotebookNode = nbformat.read(notebook, as_version=4)
            nbformat.validate(source)
    except Exception as error:  # nbformat raises what its parsers raise
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise CourseError(
            f"The notebook {notebook} cannot be read: {said}",
            next_step="restore it from version control.",
        ) from error
    if not any(cell.cell_type == "code" for cell in source.cells):
        raise CourseError(
            f"The notebook {notebook} cannot be read: it has no code cell.",
            next_step="restore it from version control.",
        )
    return source


def _run(
    notebook: Path, source: NotebookNode, engine_env: Mapping[str, str], prefix: Sequence[str]
) -> NotebookNode:
    """A copy of the notebook, executed in its folder."""
    copy: NotebookNode = nbformat.from_dict(source)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = _Client(
        copy,
        timeout=CELL_S,
        startup_timeout=STARTUP_S,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    with tempfile.TemporaryDirectory(prefix="dockbook-ipython-") as profile:
        client.prefix, client.sockets = tuple(prefix), str(Path(profile) / "kernel")
        # The user's own profile must not affect the stored outputs.
        env = {**engine_env, "IPYTHONDIR": profile}
        try:
            client.execute(env=env)
        except CellExecutionError as error:
            # All of it: a check says in its later lines what is missing and what to do.
            said = " / ".join(line.strip() for line in error.evalue.splitlines() if line.strip())
            raise CourseError(
                f"{notebook}: {_where(copy)} failed: {error.ename}: {said[:MOST_SAID] or '(no message)'}",
                next_step=f"fix it, or tag it {_RAISES} if it is meant to fail. Nothing was stored.",
            ) from error
        except CellTimeoutError as error:
            raise CourseError(
                f"{notebook}: {_where(copy)} ran longer than {CELL_S} s.",
                next_step="make it end sooner: every wait needs a deadline. Nothing was stored.",
            ) from error
        except DeadKernelError as error:
            raise KernelDied(
                f"{notebook}: the kernel ended in {_where(copy)}.",
                next_step="run the cells before it one by one. Nothing was stored.",
            ) from error
    for number, cell in enumerate(copy.cells, 1):
        failed = any(output.output_type == "error" for output in cell.get("outputs", ()))
        if _RAISES in cell.metadata.get("tags", ()) and not failed:
            raise CourseError(
                f"{notebook}: {_named(cell, number)} is tagged {_RAISES}, and it raised nothing.",
                next_step="remove the tag, or make the cell fail as its text says. Nothing was stored.",
            )
    return copy


def _where(copy: NotebookNode) -> str:
    """The last cell that was started: nbclient numbers cells as it executes them."""
    started = [
        _named(cell, number)
        for number, cell in enumerate(copy.cells, 1)
        if cell.cell_type == "code" and cell.execution_count
    ]
    return started[-1] if started else "the first cell"


def _named(cell: NotebookNode, number: int) -> str:
    """By its id; a cell of a notebook that is older than ids by its place and first words."""
    return f"the cell {cell.id}" if "id" in cell else name_of(cell, number)


def _all_steady(cell: NotebookNode) -> list[NotebookNode]:
    return [_steady(output) for output in cell.get("outputs", ())]


def _steady(output: NotebookNode) -> NotebookNode:
    """An output without what changes from run to run: line ends of a terminal, file paths of a traceback."""
    steady: NotebookNode = nbformat.from_dict(output)
    if steady.output_type == "stream":
        steady.text = steady.text.replace("\r\n", "\n")
    elif steady.output_type == "error":
        steady.traceback = [f"{steady.ename}: {steady.evalue}"]
    return steady


def _patterns(notebook: Path) -> list[tuple[re.Pattern[str], str]]:
    """What the course's nbval does not compare; none if there is no such file next to ``source/``."""
    for folder in notebook.resolve().parents[1:3]:
        path = folder / SANITIZER
        if path.is_file():
            pairs = _PAIRS.findall(path.read_text(encoding="utf-8"))
            return [(re.compile(regex), replacement) for regex, replacement in pairs]
    return []


def _same(
    old: list[NotebookNode], new: list[NotebookNode], patterns: list[tuple[re.Pattern[str], str]]
) -> bool:
    return _compared(old, patterns) == _compared(new, patterns)


def _compared(value: object, patterns: list[tuple[re.Pattern[str], str]]) -> object:
    if isinstance(value, str):
        for regex, replacement in patterns:
            value = regex.sub(replacement, value)
        return value
    if isinstance(value, Mapping):
        # The count is set for all of them afterwards.
        return {key: _compared(item, patterns) for key, item in value.items() if key != "execution_count"}
    if isinstance(value, list):
        return [_compared(item, patterns) for item in value]
    return value


def _replace(path: Path, text: str) -> None:
    write_whole(path, text, mode=path.stat().st_mode & 0o777, sync=True)
