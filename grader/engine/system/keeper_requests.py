"""What an engine's owner may ask the keeper and process 1: one table, for those who ask and those who answer.

A request is a function without a body. The owner asks with it, ``control.ask(keeper_requests.gate,
closed=True)``, so mypy knows arguments and result; the keeper or process 1 has a method ``do_gate`` with the
same arguments. ``answer`` refuses what is not in the table, or does not fit it. On the wire, a request is one
line of JSON: ``{"id": 1, "do": "gate", "with": {"closed": true}}``.

The annotations are looked at when a request comes, so they are types that JSON has, and not strings: no
``from __future__ import annotations`` here. Keepers start in 20 ms: little is imported.
"""

# mypy: disable-error-code="empty-body"

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, ParamSpec, TypedDict, TypeVar, cast, is_typeddict

P = ParamSpec("P")
T = TypeVar("T")

TABLE: dict[str, Callable[..., Any]] = {}
"""All requests, by name."""


class BadRequest(Exception):
    """A request that is not in the table, has other arguments, or is for another kind of engine."""


class Probed(TypedDict):
    """What a probe came to: its exit code, None for one that was killed; its output, read as Latin-1."""

    status: int | None
    output: str


def _request(function: Callable[P, T]) -> Callable[P, T]:
    TABLE[function.__name__] = function
    return function


# -- every keeper answers these


@_request
def gate(*, closed: bool | None = None, cpus: bool | None = None) -> None:
    """``closed``: the API answers the trusted side alone. ``cpus``: containers may have a limit of those."""


@_request
def no_group() -> str:
    """Why the engine has no control group of its own; empty if it has one."""


@_request
def namespaces() -> dict[str, str]:
    """Paths that lead to a sandbox's ``user`` and ``net`` namespaces."""


@_request
def tail() -> str:
    """The end of the engine's log."""


# -- the keeper of a nested engine


@_request
def way() -> str:
    """The rights that the user's Docker gave the engine's container."""


# -- the keeper of a virtual machine


@_request
def restart() -> None:
    """Another machine from the same snapshot, at the same sockets."""


@_request
def listen_kernel(*, name: str) -> None:
    """Make the sockets of a student's kernel on this side, in its folder ``name``."""


@_request
def snapshot(*, state: str) -> None:
    """Stop the machine for good and write its state to this file."""


@_request
def end() -> None:
    """Let QEMU write what it holds of the disk, and end."""


# -- process 1 of every engine


@_request
def controllers() -> list[str]:
    """What containers can be limited in."""


@_request
def limits() -> list[str]:
    """The limits that the engine has reached since the last call."""


@_request
def start_kernel(*, connection: str, env: dict[str, str]) -> int:
    """Start a student's kernel with a connection file that is there, inside; the id of its process."""


@_request
def copy_work() -> None:
    """Copy what the owner provides to the student's working directory."""


@_request
def signal_kernel(*, kernel: int, number: int) -> int:
    """Send a signal to every process of a kernel; how many got it."""


@_request
def interrupt_kernel(*, kernel: int) -> None:
    """SIGINT to the kernel process itself."""


@_request
def kernel_alive(*, kernel: int) -> bool:
    """Whether a kernel still runs."""


@_request
def kill_kernel(*, kernel: int, limit_s: float) -> None:
    """End a kernel with all that it started, and wait for that."""


@_request
def probe(*, pid: int, argv: list[str], limit_s: float) -> Probed:
    """Run trusted code in the network of a container's process; with 0, in the engine's own."""


@_request
def configure(*, options: dict[str, object]) -> None:
    """Reload dockerd with these ``daemon.json`` options over its own."""


@_request
def reset() -> None:
    """Bring the engine back to its first state."""


@_request
def stop(*, patience_s: float = 30) -> None:
    """Stop dockerd cleanly; containers that run for longer than this are killed."""


# -- process 1 of a virtual machine


@_request
def make_kernel_folder(*, connection: str, text: str) -> None:
    """Bring a kernel's connection file in: no folder is shared with this machine."""


@_request
def kernel_sockets(*, connection: str) -> int:
    """How many of a kernel's sockets are there."""


@_request
def settle() -> None:
    """Once dockerd has stopped: its images become those that every engine of this disk starts with."""


@_request
def wake(*, now: float, seed: str, watch: dict[str, int]) -> None:
    """Give a machine that was just restored the time, random bytes and its limits."""


# -- both sides


def answer(receiver: object, message: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to a request: what the receiver's ``do_...`` returned, or why there is nothing."""
    try:
        arguments = message.get("with", {})
        check(receiver, message["do"], arguments)
        value = getattr(receiver, f"do_{message['do']}")(**arguments)
        return {"id": message["id"], "value": value}
    except Exception as error:  # noqa: BLE001 - the reply is the only way out of here: the owner raises it again
        return {"id": message["id"], "error": f"{type(error).__name__}: {error}"}


def is_for(receiver: object, message: Mapping[str, Any]) -> bool:
    """Whether this receiver has to answer, and not one behind it: also what is in no one's table."""
    return message["do"] not in TABLE or hasattr(receiver, f"do_{message['do']}")


def check(receiver: object, name: object, arguments: Mapping[str, object]) -> None:
    """Raises BadRequest for a request that the table does not have like this, or that is for another."""
    if not isinstance(name, str) or name not in TABLE:
        raise BadRequest(f"there is no request {name!r}")
    if not hasattr(receiver, f"do_{name}"):
        raise BadRequest(f"{name} is a request to another kind of engine")
    kinds = dict(TABLE[name].__annotations__)
    del kinds["return"]
    optional = TABLE[name].__kwdefaults__ or {}
    if unknown := arguments.keys() - kinds.keys():
        raise BadRequest(f"{name} takes no {', '.join(sorted(unknown))}")
    for argument, kind in kinds.items():
        if argument not in arguments:
            if argument not in optional:
                raise BadRequest(f"{name} lacks {argument}")
        elif not fits(arguments[argument], kind):
            raise BadRequest(f"{name} takes {argument} as {_shown(kind)}, not {arguments[argument]!r:.80}")


def checked_value(request: Callable[..., T], value: object) -> T:
    """A request's result, as it came. Raises BadRequest when it is not of the kind that the table has."""
    kind = request.__annotations__["return"]
    if not fits(value, kind):
        raise BadRequest(f"{request.__name__} gives {_shown(kind)}, not {value!r:.80}")
    return cast("T", value)


def fits(value: object, kind: Any) -> bool:
    """Whether a value that came as JSON is of this kind; true and false are not numbers."""
    inner: tuple[Any, ...] = getattr(kind, "__args__", ())
    if isinstance(kind, UnionType):
        return any(fits(value, one) for one in inner)
    if is_typeddict(kind):
        named = kind.__annotations__
        return (
            isinstance(value, dict)
            and value.keys() == named.keys()
            and all(fits(value[name], one) for name, one in named.items())
        )
    outer = getattr(kind, "__origin__", kind)
    if outer is list:
        return isinstance(value, list) and all(fits(one, inner[0]) for one in value)
    if outer is dict:
        return isinstance(value, dict) and all(
            fits(name, inner[0]) and fits(one, inner[1]) for name, one in value.items()
        )
    if kind is float:
        return type(value) in (int, float)
    return kind is object or value is kind or type(value) is kind


def _shown(kind: Any) -> str:
    """A kind as it is written."""
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
