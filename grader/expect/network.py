"""Questions about one network."""

from __future__ import annotations

from typing import Self

from grader.expect.check_context import CheckContext
from grader.expect.words import listing, quote
from grader.state import Network


class NetworkSubject:
    """``engine.network("name")``. Each verb notes what differs and returns the subject, to ask on."""

    def __init__(self, context: CheckContext, network: Network) -> None:
        self.context = context
        self.network = network
        self.what = f"network {network.name}"

    def connects(self, *names: str) -> Self:
        """All these containers are attached to it, running or not.

        Example: ``engine.network("estate").connects("books", "reader")``
        """
        here = {box.name for box in self.context.snapshot.members(self.network)}
        missing = [name for name in names if name not in here]
        if missing:
            how = f"`docker network connect {self.network.name} {missing[0]}`"
            hint = f"{how}, or `--network` when you create it."
            self.context.find(self.what, "containers", listing(names), listing(sorted(here)), hint)
        return self

    def has_driver(self, name: str) -> Self:
        """Its driver: bridge, host, none, overlay ...

        Example: ``engine.network("estate").has_driver("bridge")``
        """
        if self.network.driver != name:
            self.context.find(self.what, "driver", quote(name), quote(self.network.driver))
        return self

    def is_internal(self) -> Self:
        """Is internal: has no access to the outside.

        Example: ``engine.network("cellar").is_internal()``
        """
        if not self.network.internal:
            hint = "`--internal` when you create it, or `internal=True` in Python."
            self.context.find(self.what, "way out", "none", "one", hint)
        return self
