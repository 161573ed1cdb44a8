"""A clean engine for a workspace: the one that a lab runs now, and what is kept for the next lab."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from grader.engine.contents import Contents, from_api
from grader.engine.owner_socket import ask_owner
from grader.engine.persistent_state import PersistentState
from grader.errors import EngineDied

if TYPE_CHECKING:
    from grader.workspace.running_lab import RunningLab


def engine_contents(workspace: Path, lab: RunningLab | None) -> Contents:
    """What a student would lose. On their own Docker that is nothing: a reset does not touch it.

    Raises EngineDied when the lab's engine does not answer.
    """
    found = [_running(lab)] if lab and lab.engine else []
    persistent = PersistentState(workspace)
    if not persistent.in_use():
        found.append(persistent.contents())
    merged = (
        sorted({name for one in found for name in getattr(one, kind.name)}) for kind in fields(Contents)
    )
    return Contents(*map(tuple, merged))


def _running(lab: RunningLab) -> Contents:
    from docker import DockerClient
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    assert lab.engine is not None
    try:
        with closing(DockerClient(base_url=lab.engine.docker_host, timeout=30)) as client:
            return from_api(client.api)
    except (DockerException, RequestException) as error:
        raise EngineDied(
            f"The lab's engine does not answer: {error}.",
            next_step="end the lab with Ctrl-C, then start it again.",
        ) from error


def is_clean(workspace: Path, lab: RunningLab | None) -> bool:
    """Whether there is no engine to clean: none runs, none is kept and nothing was moved aside."""
    persistent = PersistentState(workspace)
    return not (lab and lab.engine) and not persistent.exists() and not persistent.aside()


def clean_engine(workspace: Path, lab: RunningLab | None) -> None:
    """Reset the lab's engine and remove its saved state. Raises EngineError."""
    if lab and lab.engine:
        ask_owner(lab.engine.id, "reset")
    persistent = PersistentState(workspace)
    if not persistent.in_use():
        persistent.remove()
