"""What the doctor knows of virtual machines here: QEMU, KVM, the machine in the cache."""

from __future__ import annotations

from dataclasses import dataclass

from grader.engine.image import qemu
from grader.errors import DockbookError


@dataclass(frozen=True)
class VMFacts:
    """Empty text means that all is well. ``trouble``: why none is available; ``image``: why none is ready."""

    trouble: str = ""
    missing: tuple[str, ...] = tuple(qemu.PACKAGES.values())
    qemu: str = ""
    kvm: str = "there is no /dev/kvm"
    """Why it is not used; empty: it is."""
    image: str = ""


def gather_vm() -> VMFacts:
    """Look; a trial of KVM may take seconds, once after each boot of this computer."""
    trouble = qemu.probe() or ""
    missing = tuple(qemu.missing())
    if missing:
        return VMFacts(trouble, missing, "")
    try:
        return VMFacts(trouble, (), qemu.version(), qemu.kvm_trouble() or "", _image())
    except DockbookError as error:
        return VMFacts(error.what, (), "")


def _image() -> str:
    from grader.engine.image import vm_image
    from grader.engine.image.engine_image import location

    try:
        vm_image.find(location(), qemu.accelerator())
    except DockbookError as error:
        return error.what
    return ""
