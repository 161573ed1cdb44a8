"""A sandbox's file system: a private root over the engine image, and the course's images in place.

Runs in process 1 of the sandbox, first with the host's root still in view. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator

from grader.engine.inside import cgroup_tree, kernel_quotas
from grader.engine.system import ids, linux, procfs

STAGE = "/tmp"
"""A folder that every system has; in the sandbox a mount of its own covers it."""
PER_NAMESPACE = {
    # A student's process in a pid namespace of its own would not be found when all must be stopped.
    "max_user_namespaces": 0,
    # A person's sandboxes and the person have 128 together, and some 100,000 watches.
    "max_inotify_instances": 8,
    "max_inotify_watches": 4096,
    "max_fanotify_groups": 8,
    "max_fanotify_marks": 4096,
}
INOTIFY_WITH_GROUPS = 24
CONTAINERD_TOML = "/etc/dockbook/containerd.toml"
_USERXATTR = '\n[plugins."io.containerd.snapshotter.v1.overlayfs"]\nmount_options = ["userxattr"]\n'
PRELOAD, DATA = "/srv/dockbook/preload", "/var/lib/docker"
PRELOADED = f"{DATA}/.dockbook-preloaded"
"""The layers that were preloaded, a line each; written last: half a preload has none."""
UNFIT = "the folder for the engine's state cannot be used"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def write(path: str, text: str) -> None:
    """Write a small file."""
    with open(path, "w") as handle:
        handle.write(text)


class Unfit(OSError):
    """A folder of the host's in which overlay does not work."""


class Folders:
    """Host folders held open by descriptor: reachable when their paths no longer are."""

    def __init__(self, paths: dict[str, str]) -> None:
        """Open them with the caller's rights. Raises OSError."""
        self._open = {name: os.open(path, os.O_PATH | os.O_CLOEXEC) for name, path in paths.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._open

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def path(self, name: str) -> str:
        """A path that leads to the folder whatever the rights on the way."""
        return f"/proc/self/fd/{self._open[name]}"


def build_root(folders: Folders, disk_bytes: int, *, groups: bool) -> None:
    """Mount everything below a new root and move there; the host's is out of view afterwards.

    ``groups``: the control group that this process is in is the sandbox's own.
    """
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("dockbook", STAGE, "tmpfs", data="mode=755,uid=0,gid=0,size=64k")
    lower, state, root = (f"{STAGE}/{name}" for name in ("lower", "state", "root"))
    for path in (lower, state, root):
        os.mkdir(path)
    linux.bind(folders.path("rootfs"), lower)
    if "state" in folders:
        linux.bind(folders.path("state"), state)
        make_fit(state)
    else:
        # A file without content takes a kilobyte of the machine's memory that no size counts.
        data = f"mode=755,uid=0,gid=0,size={disk_bytes},nr_inodes={disk_bytes >> 12}"
        linux.mount("dockbook-state", state, "tmpfs", data=data)
    for name in ("upper", "work", "docker"):
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{state}/{name}")
    layers = f"lowerdir={lower},upperdir={state}/upper,workdir={state}/work,userxattr"
    try:
        linux.mount("overlay", root, "overlay", data=layers)
    except OSError as error:
        raise Unfit(error.errno, f"{UNFIT}: overlay: {error.strerror}") from error
    mount_devices(root)
    linux.mount("proc", f"{root}/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    # crun refuses a hybrid cgroup tree, and the host's sysfs would show the host: fresh ones of both.
    linux.mount("sysfs", f"{root}/sys", "sysfs", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    linux.mount("cgroup2", f"{root}/sys/fs/cgroup", "cgroup2", linux.MS_NOSUID | linux.MS_NODEV)
    if not groups:
        cgroup_tree.hide(root)
    for path in ("run", "tmp"):
        linux.mount(
            "tmpfs", f"{root}/{path}", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=64m,nr_inodes=16k"
        )
    os.chmod(f"{root}/tmp", 0o1777)
    os.makedirs(f"{root}/run/docker/plugins")
    os.chmod(f"{root}/run/docker", 0o700)
    for path in (
        "run/lock",
        "run/dockbook",
        "run/dockbook/kernel",
        "run/dockbook/work",
        "run/containerd",
        "run/hub",
    ):
        os.makedirs(f"{root}/{path}")
    os.makedirs(f"{root}/var/lib/docker", exist_ok=True)
    linux.bind(f"{state}/docker", f"{root}/var/lib/docker")
    bind_folders(folders, root)
    linux.pivot_root_here(root)


def make_fit(state: str) -> None:
    """Prepare a folder of the host, which may hold an earlier engine's data. Raises Unfit.

    Only dockerd's data is kept, not the rest of the root: that belongs to one engine image, and what
    containerd and the daemons remember of processes is wrong in a new sandbox. NFS, FAT and some network
    shares lack what overlay needs, and a mount alone does not tell.
    """
    step, trial = "removing files", f"{state}/trial"
    try:
        for name in ("upper", "work", "trial"):
            if os.path.lexists(f"{state}/{name}"):
                shutil.rmtree(f"{state}/{name}")
        step = "making a folder"
        os.mkdir(trial)
        step = "owners"
        os.chown(trial, 1000, 1000)
        step = "extended attributes"
        os.setxattr(trial, "user.overlay.opaque", b"y")
        step = "device files"
        os.mknod(f"{trial}/whiteout", stat.S_IFCHR, os.makedev(0, 0))
        shutil.rmtree(trial)
    except OSError as error:
        raise Unfit(error.errno, f"{UNFIT}: {step}: {error.strerror}") from error


def mount_devices(root: str) -> None:
    """A private /dev: with the host's, a container reads the host's /dev/shm."""
    dev = f"{root}/dev"
    linux.mount("dev", dev, "tmpfs", linux.MS_NOSUID, "mode=755,size=1m")
    for name in DEVICES:
        write(f"{dev}/{name}", "")
        linux.bind(f"/dev/{name}", f"{dev}/{name}")
    for name in ("pts", "shm", "mqueue", "net"):
        os.mkdir(f"{dev}/{name}")
    linux.mount(
        "devpts",
        f"{dev}/pts",
        "devpts",
        data=f"newinstance,ptmxmode=0666,mode=620,gid=5,max={kernel_quotas.PTYS}",
    )
    linux.mount(
        "shm", f"{dev}/shm", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=1777,size=64m,nr_inodes=16k"
    )
    linux.mount("mqueue", f"{dev}/mqueue", "mqueue")
    os.symlink("pts/ptmx", f"{dev}/ptmx")
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"{dev}/{name}")


def own(user: int, folder: str) -> None:
    """Give a user the folder and all in it; their groups stay."""
    os.chown(folder, user, -1)
    for base, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chown(os.path.join(base, name), user, -1, follow_symlinks=False)


def bind_folders(folders: Folders, root: str) -> None:
    """What the sandbox sees of the host: the kernel's folder to write, the rest to read."""
    linux.bind(folders.path("share"), f"{root}/run/dockbook/kernel")
    linux.bind(folders.path("work"), f"{root}/run/dockbook/work", read_only=True)
    if "gate" in folders:
        linux.bind(folders.path("gate"), f"{root}/run/docker/plugins", read_only=True)
    for name in ("preload", "hub"):
        if name in folders:
            os.makedirs(f"{root}/srv/dockbook/{name}", exist_ok=True)
            linux.bind(folders.path(name), f"{root}/srv/dockbook/{name}", read_only=True)
    for name in folders:
        if name.startswith("package/"):
            target = f"{root}/usr/local/lib/dockbook/{name.removeprefix('package/')}"
            if os.path.isdir(folders.path(name)):
                os.makedirs(target, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                write(target, "")
            linux.bind(folders.path(name), target, read_only=True)


def limit_namespace(*, groups: bool) -> None:
    """Limits that Linux counts for each user namespace and for the user who made it: ``PER_NAMESPACE``.

    ``groups``: containers have control groups, and something waits at each for memory to run out.
    """
    limits = PER_NAMESPACE | ({"max_inotify_instances": INOTIFY_WITH_GROUPS} if groups else {})
    for name, most in limits.items():
        # Where a kernel lacks one, nothing counts it either.
        with contextlib.suppress(FileNotFoundError):
            write(f"/proc/sys/user/{name}", str(most))


def preload_images() -> None:
    """The course's images without a copy: metadata copied, each layer a read-only bind of the image's.

    An overlay as data root fails ("driver not supported"), hard links could be written through, and of a
    symbolic link BuildKit takes the whole base for a difference. Removing an image unmounts its layers.

    On saved data, the layers that are still there are bound again, and what was removed stays removed.
    Raises RuntimeError when they are those of another build of the engine image.
    """
    if not os.path.isdir(PRELOAD):
        return
    layers = [name for name in sorted(os.listdir(f"{PRELOAD}/overlay2")) if name != "l"]
    if not os.path.exists(PRELOADED):
        empty_data()  # no dockerd runs before the mark is made: what is there is half a preload
        _copy_metadata(layers)
        write(PRELOADED, "\n".join(layers))
    with open(PRELOADED) as handle:
        if handle.read().split() != layers:
            raise RuntimeError("the saved state belongs to another build of the engine image")
    for layer in layers:
        if os.path.isdir(f"{DATA}/overlay2/{layer}/diff"):
            linux.bind(f"{PRELOAD}/overlay2/{layer}/diff", f"{DATA}/overlay2/{layer}/diff", read_only=True)


def move_containerds_data() -> None:
    """Have containerd's data next to dockerd's: this root is an overlay, and on one there can be no other.

    In memory, containerd leaves out an option that overlays of a user namespace need, though Linux has had
    attributes of users there since 6.6; apt then fails with "Invalid cross-device link" (moby#44372).
    """
    store, data = f"{DATA}/containerd", "/var/lib/containerd"
    if os.path.ismount(data):
        linux.detach(data)
    for folder in (store, data):
        os.makedirs(folder, mode=0o711, exist_ok=True)
    linux.bind(store, data)
    with open(CONTAINERD_TOML, "r+", encoding="utf-8") as file:
        if _USERXATTR not in file.read():
            file.write(_USERXATTR)


def empty_data() -> None:
    """Remove all of dockerd's data; nothing may be mounted there. If it is killed half-way, the next start
    continues."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(PRELOADED)
    for entry in list(os.scandir(DATA)):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def _copy_metadata(layers: list[str]) -> None:
    for folder, _, names in os.walk(f"{PRELOAD}/image"):
        below = DATA + folder.removeprefix(PRELOAD)
        os.mkdir(below, 0o711)
        for name in names:
            with open(f"{folder}/{name}", "rb") as old, open(f"{below}/{name}", "wb") as new:
                new.write(old.read())
    os.makedirs(f"{DATA}/overlay2/l")
    for layer in layers:
        old_layer, new_layer = f"{PRELOAD}/overlay2/{layer}", f"{DATA}/overlay2/{layer}"
        os.mkdir(new_layer)
        os.mkdir(f"{new_layer}/diff")
        os.mkdir(f"{new_layer}/work")
        for name in ("link", "lower"):
            with contextlib.suppress(FileNotFoundError), open(f"{old_layer}/{name}") as handle:
                text = handle.read()
                write(f"{new_layer}/{name}", text)
                if name == "link":
                    os.symlink(f"../{layer}/diff", f"{DATA}/overlay2/l/{text.strip()}")
        write(f"{new_layer}/committed", "")


def mounts(*below: str) -> list[str]:
    """Mount points below the given paths, the innermost first."""
    points = [one.point for one in procfs.mountinfo()]
    return [point for point in reversed(points) if point.startswith(below)]


def try_out(mapped: int) -> None:
    """What a start does to namespaces and mounts, in an empty root; ends the process."""
    code = 1
    step = "entering the namespaces"
    try:
        if os.read(mapped, 1) != b"m":
            os._exit(1)
        ids.become_root()
        linux.unshare(linux.CLONE_NEWCGROUP)
        step = "making the mounts private"
        linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
        step = "mounting a tmpfs"
        linux.mount("dockbook", STAGE, "tmpfs", data="mode=755,uid=0,gid=0,size=1m")
        for name in ("lower", "upper", "work", "root", "proc", "sys", "cgroup"):
            os.mkdir(f"{STAGE}/{name}")
        step = "mounting an overlay"
        data = f"lowerdir={STAGE}/lower,upperdir={STAGE}/upper,workdir={STAGE}/work,userxattr"
        linux.mount("overlay", f"{STAGE}/root", "overlay", data=data)
        for kind, name in (("proc", "proc"), ("sysfs", "sys"), ("cgroup2", "cgroup")):
            step = f"mounting {kind}"
            linux.mount(kind, f"{STAGE}/{name}", kind, linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        step = "setting up the network"
        linux.link_up("lo")
        code = 0
    except OSError as error:
        os.write(2, f"{step} is not permitted here: {error}\n".encode())
    finally:
        os._exit(code)
