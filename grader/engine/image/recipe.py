"""What the engine image is made of. Its key is a hash of all this: any change causes a new build."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.engine.system.package import PACKAGE
from grader.engine.system.places import GATEWAY_ADDRESS, HUB_ADDRESS

Suite = Literal["trixie", "forky"]
SUITES: tuple[Suite, ...] = ("trixie", "forky")
FORMAT = 1
"""Increase it when a change to the builder's own code changes the result."""

PACKAGES = (
    *("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "runc", "crun"),
    *("iptables", "kmod", "tini", "iproute2", "mount", "util-linux", "procps", "ca-certificates", "openssl"),
    *("busybox-static", "nginx-light", "socat", "python3-ipykernel", "python3-docker"),
)
SUITE_PACKAGES: dict[Suite, tuple[str, ...]] = {"forky": ("passwd",)}
"""What a suite no longer counts among the packages that every system has."""
COURSE_SUITE: Suite = "trixie"
"""The Debian in the course's images, whatever the engine itself is made of: ``debian:trixie`` is trixie."""
DEBIAN_PACKAGES = ("python3", "hello", "docker.io", "python3-h2")
"""What the hub's package source offers, with all that it depends on, for `apt-get install` in containers."""
SLIM = (
    "--dpkgopt=force-unsafe-io",  # half an image is never used: nothing of it needs to be on the disk early
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info", "lintian")),
)
_LIBRARIES = "/usr/lib/python3/dist-packages"
ENGINE_SLIM = (
    *SLIM,
    *(
        f"--dpkgopt=path-exclude={path}"
        for path in (
            # containerd's own client, and the shims of before its second
            *("/usr/bin/ctr", "/usr/bin/containerd-shim", "/usr/bin/containerd-shim-runc-v1"),
            # what a kernel has for editors: a debugger, completion, the types of libraries that are not there
            *("/usr/bin/gdb*", "/usr/share/gdb/*", "/usr/lib/*.a"),
            *(
                f"{_LIBRARIES}/{name}*"
                for name in ("coverage", "debugpy", "jedi", "parso", "types_", "*-stubs")
            ),
            *(
                f"{_LIBRARIES}/{name}*"
                for name in ("_distutils", "distutils-", "pkg_resources", "setuptools")
            ),
            # Each package would compile its own modules; COMPILE compiles all at once.
            "/usr/bin/py3compile",
        )
    ),
)
"""Options of mmdebstrap's, for dpkg: what is left out of the packages, in the engine's root file system."""
COMPILE = f"python3 -m compileall -q {_LIBRARIES}"
"""A command for the engine's root, once all is installed."""

CONTAINERD_TOML = """\
version = 2
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.nri.v1.nri",
  "io.containerd.transfer.v1.local", "io.containerd.grpc.v1.transfer",
  "io.containerd.sandbox.controller.v1.shim",
]
"""

FAILED = "etc/dockbook/runtime-failed.sh"
"""What the wrappers of the OCI runtime do when it failed; ``vm_runtime`` has the name, too."""

RUNTIME = r"""#!/bin/sh
# The OCI runtime of the engine: crun, with help for the three commands that need cgroups, which a sandbox
# may lack: `docker top`, `docker pause` and `docker unpause` then work on the container's processes in /proc.
for id; do :; done
case " $* " in
  *" start $id "*)
    # dockerd opens the pipes of a container's output in threads of its own, and gives an open up when the
    # container has ended. On a busy machine a short program can be faster than that thread, and its output
    # is lost: so nothing starts before dockerd reads. (An O_PATH descriptor leads there too, without -r.)
    folder=/run/docker/containerd/$id
    wanted='' tries=300
    for pipe in "$folder/$id-stdout" "$folder/$id-stderr"; do [ ! -p "$pipe" ] || wanted=x$wanted; done
    read -r daemon 2>/dev/null </run/docker.pid
    while [ -n "$daemon" ] && [ $tries -gt 0 ]; do
      found=$(find "/proc/$daemon/fd" -perm -400 -lname "$folder/$id-std[oe]*" -printf x 2>/dev/null)
      [ ${#found} -lt ${#wanted} ] || break
      tries=$((tries - 1))
      sleep 0.01
    done
    exec /usr/bin/crun "$@" ;;
  *" ps --format json "*) command=ps ;;
  *" pause $id "*) command=pause ;;
  *" resume $id "*) command=resume ;;
  *" create "* | *" exec "*)
    /usr/bin/crun "$@" || { code=$?; . /etc/dockbook/runtime-failed.sh; }
    exit 0 ;;
  *) exec /usr/bin/crun "$@" ;;
esac
/usr/bin/crun "$@" 2>/dev/null && exit
while [ $# -gt 1 ] && [ "$1" != --root ]; do shift; done
init=$(/usr/bin/crun --root "$2" state "$id" | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
[ "${init:-0}" -gt 0 ] || { echo "container $id does not run" >&2; exit 1; }
namespace=$(readlink "/proc/$init/ns/pid" | sed 's/[][]/\\&/g')
members() {
  find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/pid' -lname "$namespace" 2>/dev/null | cut -d/ -f3 | sort -n
}
# A process may end between the look and the signal, which is no error, and until it is stopped it may start
# another: so the signal is sent until there is nobody new.
stop() {
  seen='' tries=50
  while pids=$(members); [ "$pids" != "$seen" ] && [ $tries -gt 0 ]; do
    kill -STOP $pids 2>/dev/null
    seen=$pids
    tries=$((tries - 1))
  done
}
case $command in
  ps) echo "[$(echo $(members) | tr ' ' ,)]"; exit ;;
  pause) stop ;;
  resume) kill -CONT $(members) 2>/dev/null ;;
esac
kill -0 "$init" 2>/dev/null || { echo "container $id does not run" >&2; exit 1; }
"""

RUNTIME_28 = RUNTIME.replace(
    "for id; do",
    r"""# From 28 on, a start that fails for its ports kills all in a container that is made and has not
# begun. Without cgroups crun finds nobody in it, and dockerd waits for ever: the first process is all.
case " $* " in *" kill --all "*)
  /usr/bin/crun "$@"
  code=$?
  /usr/bin/crun $(echo "$*" | sed 's/ kill --all / kill /') 2>/dev/null
  exit $code ;;
esac
for id; do""",
)

DOCKERD_28 = r"""#!/bin/sh
# From 28 on, a rootless dockerd asks RootlessKit what carries ports to the outside, and does not start
# without an answer. Here nothing does: what is published answers in the engine's own network.
set -e
umask 077
folder=/run/rootlesskit
# RootlessKit's presence would move the engine's folders into a home; these are where they are without it.
export ROOTLESSKIT_STATE_DIR=$folder XDG_CONFIG_HOME=/etc XDG_DATA_HOME=/var/lib XDG_RUNTIME_DIR=/run
rm -rf $folder
mkdir $folder
info='{"apiVersion":"1.1.1","version":"none","childPID":1,"networkDriver":{"driver":"none"}}'
head='HTTP/1.1 200 OK
Content-Type: application/json
Connection: close
Content-Length: '
printf "$head${#info}

%s" "$info" >$folder/info
socat -lf /dev/null UNIX-LISTEN:$folder/api.sock,fork SYSTEM:"read -r request; cat $folder/info" 3<&- &
while ! test -S $folder/api.sock; do sleep 0.01; done
umask 022
exec /usr/sbin/dockerd "$@"
"""

NO_IMAGE = (
    '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"the course hub has no such image. In this engine the '
    'names of Docker Hub lead to the course hub, which has only these: IMAGES"}]}'
)
NO_PUSHES = (
    '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied: '
    'this is the course hub, which takes no pushes"}]}'
)
NO_ACCOUNTS = (
    '{"errors":[{"code":"UNAUTHORIZED","message":"this is the course hub, which has no accounts: '
    'everybody may pull, and your password was not kept"}]}'
)
HUB_CONF = f"""\
# The course hub: a read-only registry, its search, and a Debian package source, as plain files.
daemon off;
user www-data;
worker_processes 1;
pid /run/hub/nginx.pid;
error_log stderr error;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path /run/hub/body;
  proxy_temp_path /run/hub/proxy;
  fastcgi_temp_path /run/hub/fastcgi;
  uwsgi_temp_path /run/hub/uwsgi;
  scgi_temp_path /run/hub/scgi;
  default_type application/octet-stream;
  sendfile on;
  # The mirror is the same server by another name, and has one image more.
  map $host $shelf {{ default /srv/dockbook/hub; mirror /srv/dockbook/hub/mirror; }}
  # Of a missing image BuildKit says "not found" and no more. It shows a registry's own words only where the
  # name was found and the manifest then is not to be had, with another code than 404.
  map "$request_method $request_uri $http_user_agent" $buildkit {{
    "~^HEAD /v2/.+/manifests/.+ buildkit" asks;
    "~^GET /v2/.+ buildkit" fetches;
  }}
  root $shelf;
  server {{
    listen {HUB_ADDRESS}:80;
    listen {HUB_ADDRESS}:443 ssl;
    ssl_certificate /etc/dockbook/hub.crt;
    ssl_certificate_key /etc/dockbook/hub.key;
    error_page 404 = @missing;
    location @missing {{
      internal;
      default_type application/json;
      if ($buildkit = asks) {{
        add_header Docker-Content-Digest sha256:{"0" * 64};
        return 200 "-";
      }}
      if ($buildkit = fetches) {{ return 410 '{NO_IMAGE}'; }}
      return 404 '{NO_IMAGE}';
    }}
    # dockerd tries a push for a minute unless it is told that it may not.
    location ~ ^/v2/.+/blobs/uploads/ {{
      default_type application/json;
      return 403 '{NO_PUSHES}';
    }}
    # Where nobody asked for one, dockerd takes any password for right and the docker command keeps it.
    location = /v2/ {{
      default_type application/json;
      add_header Docker-Distribution-Api-Version registry/2.0 always;
      add_header WWW-Authenticate 'Bearer realm="https://registry-1.docker.io/token",service="hub"' always;
      return 401 '{NO_ACCOUNTS}';
    }}
    location = /token {{
      default_type application/json;
      if ($http_authorization) {{ return 401 '{NO_ACCOUNTS}'; }}
      return 200 '{{"token":"everybody"}}';
    }}
    # A Dockerfile may ask for any release of its reader: there is one.
    location ~ ^/v2/docker/dockerfile/manifests/[A-Za-z0-9._-]+$ {{
      default_type application/vnd.docker.distribution.manifest.v2+json;
      try_files $uri /v2/docker/dockerfile/manifests/latest =404;
    }}
    location ~ ^/v2/.+/manifests/ {{
      if ($request_method !~ ^(GET|HEAD)$) {{ return 403 '{NO_PUSHES}'; }}
      default_type application/vnd.docker.distribution.manifest.v2+json;
    }}
    location ~ ^/v2/.+/tags/list$ {{
      default_type application/json;
    }}
    location = /v1/search {{
      default_type application/json;
      rewrite ^ /search/$arg_q.json break;
      error_page 404 =200 /search/.json;
    }}
    location /search/ {{ default_type application/json; }}
    location /v2/ {{ }}
    location /debian/ {{ }}
  }}
}}
"""

HOSTS = f"""\
127.0.0.1 localhost
127.0.1.1 dockbook
{HUB_ADDRESS} hub mirror registry-1.docker.io index.docker.io
{GATEWAY_ADDRESS} engine
"""


@dataclass(frozen=True)
class ImageSource:
    """One of the course's images as written in ``images.toml``; ``folder`` holds its Dockerfile.

    ``mirror_only``: not preloaded and not at the hub's ordinary names: a pull of it proves the mirror.
    ``hub_only``: at the hub and not preloaded: a tool that nobody runs by hand.
    """

    names: tuple[str, ...]
    folder: Path
    rootfs: str
    description: str
    official: bool
    mirror_only: bool
    hub_only: bool

    @property
    def preloaded(self) -> bool:
        """Whether an engine has it from the start; ``docker search`` then finds it, too."""
        return not (self.mirror_only or self.hub_only)


def images_folder() -> Path:
    """Dockerfiles of the course's images: next to the package in a checkout, inside it when installed."""
    for folder in (PACKAGE.parent / "course" / "images", PACKAGE / "_course" / "images"):
        if (folder / "images.toml").is_file():
            return folder
    raise FileNotFoundError(f"no course/images next to {PACKAGE}")


def image_sources() -> list[ImageSource]:
    """The course's images, in the order in which they are built."""
    folder = images_folder()
    with (folder / "images.toml").open("rb") as handle:
        entries = tomllib.load(handle)["image"]
    return [
        ImageSource(
            names=tuple(entry["names"]),
            folder=folder / entry["folder"],
            rootfs=entry.get("rootfs", ""),
            description=entry["description"],
            official=entry["official"],
            mirror_only=entry.get("mirror_only", False),
            hub_only=entry.get("hub_only", False),
        )
        for entry in entries
    ]


def hub_conf() -> str:
    """The configuration of the hub's nginx. For an image that the hub does not have, it lists those that it
    has."""
    names = [name for source in image_sources() if source.preloaded for name in source.names]
    return HUB_CONF.replace("IMAGES", ", ".join(sorted(name.removesuffix(":latest") for name in names)))


def packages(suite: Suite) -> tuple[str, ...]:
    """Debian packages that the engine's root file system is made of."""
    return (*PACKAGES, *SUITE_PACKAGES.get(suite, ()))


def files(suite: Suite) -> dict[str, tuple[str, int]]:
    """Files that the recipe adds to the root file system: path to content and mode."""
    of_suite = {"usr/local/bin/dockbook-runtime": (RUNTIME, 0o755)}
    if suite == "forky":
        of_suite = {
            "usr/local/bin/dockbook-runtime": (RUNTIME_28, 0o755),
            "usr/local/sbin/dockerd": (DOCKERD_28, 0o755),
        }
    return of_suite | {
        "etc/dockbook/containerd.toml": (CONTAINERD_TOML, 0o644),
        "etc/dockbook/hub.conf": (hub_conf(), 0o644),
        FAILED: ((Path(__file__).parent / "files/runtime-failed.sh").read_text(), 0o644),
        "etc/hosts": (HOSTS, 0o644),
        "etc/resolv.conf": ("# No name server: this engine has no way out.\n", 0o644),
        "etc/hostname": ("dockbook\n", 0o644),
    }


def key(suite: Suite) -> str:
    """Twelve hexadecimal digits that change with anything the image is made of."""
    digest = hashlib.sha256()
    parts = [
        FORMAT,
        suite,
        packages(suite),
        DEBIAN_PACKAGES,
        ENGINE_SLIM,
        COMPILE,
        sorted(files(suite).items()),
    ]
    digest.update(json.dumps(parts).encode())
    folder = images_folder()
    for path in sorted(folder.rglob("*")):
        # pip compiles what it installs; that is not part of an image.
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
