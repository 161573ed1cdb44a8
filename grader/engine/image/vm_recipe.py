"""What the virtual machine's disk is made of, in addition to the engine image; its key is a hash of all
this."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from grader.engine.image import qemu, recipe
from grader.engine.inside import vm_runtime, vm_shim
from grader.engine.inside.daemon import DEFAULTS
from grader.engine.system.package import GUEST, file_text, sources

FORMAT = 1
"""Increase it when a change to the builder's own code changes the result."""
WARM_FORMAT = 2
"""The same for the snapshot."""
KERNEL_PACKAGE = "linux-image-cloud-amd64"
EARLY_MODULES = ("virtio_blk",)
"""The modules needed to reach the disk; all others are loaded from there."""
CODE = "usr/lib/dockbook-vm"
SPARE_BYTES = 2 << 30
"""Room on the disk for what a student makes; with less, ext4 ends as a sandbox's memory does."""

INIT = file_text("engine/image/files/vm-init.sh", CODE=CODE)


def guest_files() -> dict[str, tuple[bytes, int]]:
    """Files that are added to the engine's root file system: path to content and mode."""
    files = {f"{CODE}/{name}": (path.read_bytes(), 0o600) for name, path in sources(GUEST).items()}
    spec = {
        "daemon": DEFAULTS | {"authorization-plugins": ["dockbook"]},
        "folders": {"hub": "/srv/dockbook/hub"},
        "watch": {},
    }
    files["usr/local/bin/dockbook-runtime"] = (vm_runtime.WRAPPER.encode(), 0o755)
    files["usr/local/bin/containerd-shim-runc-v2"] = (vm_shim.WRAPPER.encode(), 0o755)
    files[vm_shim.PAUSE_PATH.lstrip("/")] = (vm_shim.PAUSE.encode(), 0o755)
    files["etc/dockbook/vm.json"] = (json.dumps(spec).encode(), 0o600)
    return files


def key(suite: recipe.Suite) -> str:
    """Twelve hexadecimal digits that change with anything the disk is made of."""
    digest = hashlib.sha256()
    files = [(name, mode, data.decode()) for name, (data, mode) in sorted(guest_files().items())]
    parts = [FORMAT, recipe.key(suite), KERNEL_PACKAGE, EARLY_MODULES, INIT, files, SPARE_BYTES]
    digest.update(json.dumps(parts).encode())
    return digest.hexdigest()[:12]


def warm_key(accelerator: qemu.Accelerator) -> str:
    """What a snapshot depends on besides the disk: QEMU's version, the machine, with KVM the processor."""
    parts = [WARM_FORMAT, qemu.version(), qemu.MEMORY_MB, qemu.PROCESSORS, qemu.EMULATED, qemu.APPEND]
    parts += [accelerator]
    if accelerator == "kvm":
        parts += [processor()]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]
    return f"{accelerator}-{qemu.version()}-{digest}"


def processor() -> str:
    """The host processor's name and abilities, which a machine under KVM has as its own."""
    wanted = ("model name", "flags", "microcode")
    lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    return "\n".join(sorted(line for line in lines if line.split("\t")[0].strip() in wanted))
