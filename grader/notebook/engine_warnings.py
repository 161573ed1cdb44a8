"""docker-py passes on the engine's warnings when a container is created.

`docker run` prints it ("Your kernel does not support memory limit capabilities ... Limitation discarded."),
docker-py takes the container's id from the answer and drops the rest: a limit that does nothing would look as
if it did.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from docker.api.client import APIClient

_MARK = "_shows_warnings"


def show_engine_warnings() -> None:
    """For all clients of this process, in the words of the docker command; safe to call twice."""
    client: Any = APIClient  # its types allow no replacement
    create = client.create_container_from_config
    if hasattr(create, _MARK):
        return

    @functools.wraps(create)
    def create_and_tell(self: APIClient, *args: Any, **options: Any) -> Any:
        made = create(self, *args, **options)
        for warning in made.get("Warnings") or []:
            print(f"WARNING: {warning}", file=sys.stderr)
        return made

    setattr(create_and_tell, _MARK, True)
    client.create_container_from_config = create_and_tell
