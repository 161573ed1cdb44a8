"""``dockbook doctor``: what works on this machine, what does not and why, and the exact next step.

``diagnose`` is pure: facts in, report out. Advice never gives access to others: no socket for everyone,
nothing run as root that does not need to be.
"""

from __future__ import annotations

from collections.abc import Iterator

from grader.engine.base import REAL_LIMITS
from grader.engine.docker_context import DEFAULT_SOCKET
from grader.engine.doctor.facts import Facts, gather
from grader.engine.doctor.machine import folders, ports, room, system_name, versions
from grader.engine.doctor.report import Item, Report, Status


def examine() -> Report:
    """Look at this machine, try what a lab needs, and say what was found; leaves nothing behind."""
    return diagnose(gather())


def diagnose(facts: Facts) -> Report:
    """The report for these facts."""
    sandbox = _sandbox(facts)
    host_works = not facts.endpoint.trouble
    image = list(_image(facts, sandbox, host_works=host_works))
    disk, *memory = room(facts)
    places = list(folders(facts))
    has_room = disk.status != "problem"
    alone = {
        "sandbox": sandbox.status == "ok" and has_room and all(one.status != "problem" for one in image),
        "vm": has_room and any(one.name == "vm" and one.status == "ok" for one in _vm(facts)),
    }
    without_docker = next((backend for backend, works in alone.items() if works), "")
    docker = _docker(facts, without_docker)
    # DOCKER_HOST is what a lab takes, whatever else there is.
    asked_in_vain = bool(facts.docker_host) and facts.endpoint.trouble not in ("", "untested")
    usable = (bool(without_docker) or host_works) and not asked_in_vain
    usable = usable and all(place.status != "problem" for place in places)
    if facts.system != "Linux":
        # The sandbox is not available there, and nothing is missing: an engine runs on the user's Docker.
        sandbox = Item(sandbox.topic, sandbox.name, "note", sandbox.text)
    if usable and docker.status == "problem" and not facts.docker_host:
        # A user who never had a Docker does not need one.
        docker = Item(docker.topic, docker.name, "note", docker.text, docker.next_step)
    engine_of_vm = [item for item in _vm(facts) if item.topic == "Engines"]
    items = [
        sandbox,
        *_limits(facts),
        _nested(works=host_works),
        *engine_of_vm,
        Item("Engines", "host", "ok" if host_works else "note", _host_text(facts, works=host_works)),
        docker,
        *_context(facts),
        *image,
        *(item for item in _vm(facts) if item.topic != "Engines"),
        disk,
        *places,
        *memory,
        *ports(facts),
        *versions(facts),
        *(
            Item("Not checked", name, "problem", why, "find out whether this machine has a fault")
            for name, why in facts.unseen.items()
        ),
    ]
    return Report(tuple(items), usable)


# Engines


def _sandbox(facts: Facts) -> Item:
    for why, next_step in _against_sandbox(facts):
        return Item("Engines", "sandbox", "problem", f"not available: {why}", next_step)
    return Item("Engines", "sandbox", "ok", "a private engine in user namespaces" + _tried(facts))


def _limits(facts: Facts) -> Iterator[Item]:
    """What -m, --cpus and docker stats do in a sandbox here."""
    if facts.limits:
        real = facts.limits == REAL_LIMITS
        step = "" if real else "if you need them: --backend vm has its own"
        yield Item("Engines", "limits", "ok" if real else "note", facts.limits[:-1], step)


def _tried(facts: Facts) -> str:
    if facts.started:
        return " (tried: it starts, and a container's port answers)"
    return " (tried: they work)" if facts.probed else ""


def _against_sandbox(facts: Facts) -> Iterator[tuple[str, str]]:
    """Why it cannot start and what would change that, the deepest reason first."""
    if facts.system != "Linux":
        yield f"{system_name(facts)} has no user namespaces", "start your Docker: a nested engine needs it"
        return
    if facts.probed and facts.probe is None:
        return
    if facts.max_user_namespaces == 0:
        yield "this system allows no user namespaces", "sudo sysctl user.max_user_namespaces=15000"
    if facts.unprivileged_userns_clone == 0 and facts.uid != 0:
        yield "ordinary users may not make user namespaces", "sudo sysctl kernel.unprivileged_userns_clone=1"
    if facts.namespaces:
        if facts.apparmor_restricts and facts.uid != 0:
            yield (
                f"AppArmor keeps ordinary programs from using user namespaces ({facts.namespaces})",
                apparmor_step(facts.python_path),
            )
        elif facts.in_container:
            yield (
                f"this container allows no user namespaces ({facts.namespaces})",
                "start the container with --security-opt seccomp=unconfined, or use Dockbook outside it",
            )
        else:
            yield (
                f"a trial of user namespaces failed ({facts.namespaces})",
                "see `dmesg` for what refused it, or use another --backend",
            )
    if not facts.newuidmap and facts.uid != 0:
        yield "newuidmap and newgidmap are not installed", "sudo apt-get install uidmap"
    if facts.subordinate_ids:
        yield f"{facts.user} has no 65,536 ids in /etc/subuid and /etc/subgid", facts.subordinate_ids
    if not facts.overlay:
        yield "this kernel has no overlay file system", "sudo modprobe overlay"
    if facts.probed and facts.probe is not None:
        restricted = facts.apparmor_restricts and facts.uid != 0
        step = apparmor_step(facts.python_path) if restricted else "see `dmesg` for what refused it"
        yield f"a trial failed: {facts.probe}", step


def apparmor_step(python: str) -> str:
    """The command that adds a profile for one program, and for nothing else."""
    profile = (
        f"abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile dockbook {python} flags=(unconfined) {{\\n"
    )
    return (
        f"printf '{profile}  userns,\\n}}\\n' | sudo tee /etc/apparmor.d/dockbook && "
        "sudo apparmor_parser --replace /etc/apparmor.d/dockbook"
    )


def _nested(*, works: bool) -> Item:
    if works:
        text = "a private engine on your Docker, for learning only (its image, 1 GB, is built there once)"
        return Item("Engines", "nested", "ok", text)
    return Item(
        "Engines", "nested", "note", "not available: it needs a running Docker of yours, see Docker below"
    )


def _vm(facts: Facts) -> Iterator[Item]:
    vm = facts.vm
    if facts.system != "Linux":
        yield Item("Engines", "vm", "note", "not available: it is for Linux")
    elif vm.missing:
        step = f"sudo apt-get install {' '.join(vm.missing)}"
        yield Item("Engines", "vm", "note", "not available: QEMU is not installed", step)
    elif vm.trouble:
        step = "free what is missing, or use another --backend"
        yield Item("Engines", "vm", "note", f"not available: {vm.trouble}", step)
    else:
        how = f"emulated ({vm.kvm})" if vm.kvm else "with KVM (a short trial worked; otherwise untested)"
        text = f"a private engine in a virtual machine of QEMU {vm.qemu}, {how}"
        step = ""
        if "not open" in vm.kvm:
            step = f"sudo usermod --append --groups kvm {facts.user}, then log out and in again"
        yield Item("Engines", "vm", "ok", text, step)
        if vm.image:
            step = "dockbook engine build --backend vm (once; some minutes)"
            yield Item("Engine image", "vm", "note", vm.image, step)


def _host_text(facts: Facts, *, works: bool) -> str:
    if works:
        return f"your own engine {facts.endpoint.engine_version}, only when asked for: --backend host"
    return "not available: see Docker"


# Docker


def _docker(facts: Facts, without: str) -> Item:
    """``without``: a backend that works and needs no Docker."""
    endpoint = facts.endpoint
    if not endpoint.trouble:
        text = f"{endpoint.engine_version} (API {endpoint.api_version}) answers at {endpoint.address}"
        return Item("Docker", "engine", "ok", text)
    if endpoint.trouble == "no-context":
        return Item("Docker", "engine", "note", "not asked: see the context")
    text, step = _docker_trouble(facts, without)
    return Item("Docker", "engine", "note" if endpoint.trouble == "untested" else "problem", text, step)


def _docker_trouble(facts: Facts, without: str) -> tuple[str, str]:
    endpoint = facts.endpoint
    if endpoint.trouble == "denied":
        return _not_permitted(facts)
    if facts.docker_host:
        return _wrong_docker_host(facts)
    if facts.other_sockets and endpoint.trouble in ("missing", "refused"):
        text = f"the context {facts.context.name!r} leads to {endpoint.address}, where no Docker answers"
        return f"{text}; one answers at {facts.other_sockets[0]}", _default_context(facts)
    if endpoint.trouble in ("missing", "refused"):
        if not facts.docker_installed:
            return "no Docker is installed on this machine", _install_docker(facts, without)
        step = _start_docker(facts)
        return f"Docker is installed, but not running ({endpoint.address}: {endpoint.detail})", step
    if endpoint.trouble == "timeout":
        return f"{endpoint.address}: {endpoint.detail}", _start_docker(facts, "restart")
    step = "sudo journalctl --unit docker --lines 20" if facts.systemd else _start_docker(facts, "restart")
    return f"{endpoint.address}: {endpoint.detail}", step


def _install_docker(facts: Facts, without: str) -> str:
    step = "sudo apt-get install docker.io"
    if facts.system != "Linux":
        step = "install Docker Desktop and start it"
    elif facts.wsl:
        step = "start Docker Desktop on Windows and switch on its WSL integration for this distribution"
    return f"not needed for a {without} engine; to have it anyway: {step}" if without else step


def _start_docker(facts: Facts, verb: str = "start") -> str:
    if facts.system != "Linux":
        return f"{verb} Docker Desktop"
    return f"sudo systemctl {verb} docker" if facts.systemd else f"sudo service docker {verb}"


def _not_permitted(facts: Facts) -> tuple[str, str]:
    text = f"{facts.user} may not use {facts.endpoint.address}"
    if facts.in_docker_group and not facts.has_docker_group:
        return f"{text}: your new docker group takes effect at your next login", "log out and in again"
    if facts.has_docker_group:
        return f"{text}, although in the docker group", _start_docker(facts, "restart")
    step = f"sudo usermod --append --groups docker {facts.user}, then log out and in again"
    return text, f"{step} (members of that group have root's rights here; a sandbox does not need it)"


def _wrong_docker_host(facts: Facts) -> tuple[str, str]:
    endpoint = facts.endpoint
    text = f"DOCKER_HOST is {endpoint.address}: {endpoint.detail}"
    if endpoint.trouble == "not-docker":
        text = f"DOCKER_HOST is {endpoint.address}: what answers is not a Docker Engine ({endpoint.detail})"
    if endpoint.trouble == "untested":
        return text, f"docker --host {endpoint.address} version"
    return text, "unset DOCKER_HOST (or correct it); or start a private engine: --backend sandbox"


def _context(facts: Facts) -> Iterator[Item]:
    """The docker command follows a context, and so does Dockbook: Docker Desktop and Colima set one."""
    if facts.context.name == "default" or facts.docker_host:
        return
    context = facts.context
    if context.fault:
        text = f"{context.name!r}, named by {context.source}, {context.fault}"
        yield Item("Docker", "context", "problem", text, context.next_step.replace("`", ""))
    elif context.address != DEFAULT_SOCKET:
        how = ", over TLS" if context.tls else ""
        yield Item("Docker", "context", "ok", f"{context.name!r}, which your `docker` command uses too{how}")


def _default_context(facts: Facts) -> str:
    if facts.context.source == "DOCKER_CONTEXT":
        return "unset DOCKER_CONTEXT"
    return "docker context use default"


# The engine image, room, ports


def _image(facts: Facts, sandbox: Item, *, host_works: bool) -> Iterator[Item]:
    if facts.system != "Linux":
        return  # its image is on the user's Docker
    if not facts.image:
        yield Item("Engine image", "trixie", "ok", f"built, in {facts.cache}")
    elif not facts.image_tools:
        status: Status = "note" if host_works and sandbox.status != "ok" else "problem"
        text = f"{facts.image} mmdebstrap is not installed"
        yield Item("Engine image", "trixie", status, text, "sudo apt-get install mmdebstrap")
    else:
        status = "note" if sandbox.status == "ok" else "ok"
        yield Item(
            "Engine image", "trixie", status, facts.image, "dockbook engine build (once; some minutes)"
        )
