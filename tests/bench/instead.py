"""A first lab beside what somebody would do instead, in turns: seconds, megabytes received, ratio.

    python -m tests.bench.instead [--runs 3]

The other way is Docker from Debian's packages (`apt-get install docker.io`, without what is recommended,
into a small Debian that is made before the clock starts) and `pip install jupyterlab nbgrader docker` into
a new environment: no course, none of its images, no engine of one's own, no grading. The ratio is of the
seconds until JupyterLab answers here. Bytes and empty places are as in ``first_contact``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from grader.engine.build.bootstrap import mmdebstrap
from grader.engine.system import ids, programs
from grader.engine.system.ids import remove
from tests.bench.first_contact import Clock, contact, cpu, places, table

SUITE = "trixie"
OTHER, OURS = "JupyterLab installed", "JupyterLab answers"
HOOKS = (
    "--customize-hook=printf '#!/bin/sh\\nexit 101\\n' > \"$1/usr/sbin/policy-rc.d\"",
    '--customize-hook=chmod 755 "$1/usr/sbin/policy-rc.d"',
    '--customize-hook=cp /etc/resolv.conf "$1/etc/resolv.conf"',
)
"""No service starts when its package is installed; the network's names are known."""
APT = "apt-get update && apt-get install --yes --no-install-recommends docker.io"
APT_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}


def instead() -> Clock:
    """The other way, from its first command to its last."""
    own = ids.own_ids()
    with tempfile.TemporaryDirectory(prefix="dkb-instead-") as folder:
        place = Path(folder)
        place.chmod(0o777)  # the range's ids write here
        (place / "home").mkdir()
        env = {"PATH": os.environ["PATH"], "HOME": str(place / "home")}
        proxies = {name: value for name, value in os.environ.items() if "proxy" in name.lower()}
        try:
            small_debian(own, place)
            clock, used = Clock(), cpu()
            run(
                ids.command(own, folder, ["chroot", "root", "sh", "-c", APT]),
                proxies | APT_ENVIRONMENT,
                place,
            )
            clock.mark("Docker installed")
            run(["/usr/bin/python3", "-m", "venv", str(place / "venv")], env, place)
            pip = [str(place / "venv/bin/pip"), "install", "jupyterlab", "nbgrader", "docker"]
            run(pip, proxies | env, place)
            clock.mark(OTHER)
            clock.cpu_s = cpu() - used
            return clock
        finally:
            remove(place / "root", own)


def small_debian(own: ids.Ids, place: Path) -> None:
    """``root`` in this folder: nothing that `docker.io` brings."""
    options = ["--variant=minbase", "--include=ca-certificates", "--format=tar", "--skip=output/dev", *HOOKS]
    unpack = (
        "mkdir root && tar -C root -x && mkdir -p root/dev && : > root/dev/null && chmod 666 root/dev/null"
    )
    with subprocess.Popen(
        ids.command(own, str(place), ["sh", "-c", unpack]), stdin=subprocess.PIPE
    ) as unpacking:
        log = place / "debian.log"
        mmdebstrap([*options, SUITE, "-"], log, lambda _done, _text: None, output=unpacking.stdin)
    assert unpacking.returncode == 0


def run(argv: Sequence[str], env: dict[str, str], place: Path) -> None:
    """A command to its good end; when it fails, its words."""
    log = place / "log"
    with log.open("wb") as words:
        code = subprocess.run(argv, env=env, stdout=words, stderr=words, check=False).returncode
    assert code == 0, log.read_text()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args(arguments)
    programs.extend_path()
    others: list[Clock] = []
    ours: list[Clock] = []
    for number in range(chosen.runs):
        others.append(instead())
        with places(cold=True) as (tree, env), tempfile.TemporaryDirectory(prefix="dkb-first-") as home:
            ours.append(contact(tree, Path(home, "dockbook"), env))
        (theirs, their_bytes), (here, our_bytes) = others[-1].reached[OTHER], ours[-1].reached[OURS]
        print(
            f"run {number + 1}: instead {theirs:.1f} s, {their_bytes / 1e6:.0f} MB; "
            f"a lab {here:.1f} s, {our_bytes / 1e6:.0f} MB; ratio {here / theirs:.2f} "
            f"(load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)",
            flush=True,
        )
    table("Docker and JupyterLab from packages", others)
    table("A lab, with an empty cache", ours)
    medians = [
        statistics.median(clock.reached[name][0] for clock in clocks)
        for clocks, name in ((ours, OURS), (others, OTHER))
    ]
    print(f"\nratio of the medians: {medians[0] / medians[1]:.2f}")


if __name__ == "__main__":
    main()
