"""docker-py's own integration tests against a private engine: what fails is listed with the reason.

    python -m tests.clients.docker_py FOLDER [--renew]

FOLDER is a checkout of https://github.com/docker/docker-py, which is no part of this repository; its tests
run with the docker-py that is installed here. ``docker_py.toml`` beside this file says which of them fail and
why. The exit code is 0 when exactly these fail. ``--renew`` writes the file anew: known reasons stay, what is
new has none yet. Not a part of ``dockbook test``: it needs that checkout.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

from grader.cli.engine_options import open_chosen

KNOWN = Path(__file__).with_suffix(".toml")
PLUGIN = """\
import os
from contextlib import closing

import docker
import pytest

ENVIRONMENT = os.environ


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    os.environ = ENVIRONMENT
    with closing(docker.from_env()) as client:
        image = client.images.pull("busybox", tag="latest")
        for name in ("alpine:3.10", "alpine:latest"):
            image.tag(name)
"""
"""A plugin for pytest: what the tests run is the course's busybox by another name, there again for each.

One of them leaves another ``os.environ`` behind, without DOCKER_HOST.
"""
LIMIT_S = 60
UNKNOWN = "no reason known"


def run(checkout: Path, folder: Path) -> Path:
    """Run the tests on a fresh engine; the JUnit report."""
    # A copy without the checkout's own `docker` package beside it. paramiko is imported, and used only with
    # an engine behind ssh.
    shutil.copytree(checkout / "tests", folder / "tests")
    (folder / "paramiko.py").write_text("")
    (folder / "course_image.py").write_text(PLUGIN)
    report = folder / "report.xml"
    engine, _ = open_chosen("sandbox", label="docker-py's tests")
    with engine:
        env = engine.env() | {"PYTHONPATH": str(folder)}
        argv: tuple[str, ...] = (
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "course_image",
            "-c",
            os.devnull,
        )
        argv += (f"--rootdir={folder}", f"--timeout={LIMIT_S}", f"--junitxml={report}", "tests/integration")
        subprocess.run(argv, cwd=folder, env=env, check=False)
    return report


def outcomes(report: Path) -> tuple[set[str], int, int]:
    """Names of the tests that failed, how many passed, how many were skipped."""
    failed, passed, skipped = set(), 0, 0
    for case in ET.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        name = f"{str(case.get('classname')).removeprefix('tests.integration.')}.{case.get('name')}"
        if kinds & {"failure", "error"}:
            failed.add(name)
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return failed, passed, skipped


def known() -> dict[str, str]:
    """Name to reason, of the tests that are known to fail."""
    groups = tomllib.loads(KNOWN.read_text())["group"] if KNOWN.exists() else []
    return {name: str(group["reason"]) for group in groups for name in group["tests"]}


def write(failed: set[str]) -> None:
    """Write the list anew."""
    reasons, groups = known(), dict[str, list[str]]()
    for name in sorted(failed):
        groups.setdefault(reasons.get(name, UNKNOWN), []).append(name)
    lines = ["# Which of docker-py's integration tests fail on a private engine, and why: see docker_py.py."]
    for reason, names in sorted(groups.items()):
        lines += [
            "",
            "[[group]]",
            f'reason = "{reason}"',
            "tests = [",
            *(f'  "{name}",' for name in names),
            "]",
        ]
    KNOWN.write_text("\n".join(lines) + "\n")


def main() -> int:
    """Run, compare, say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--renew", action="store_true")
    chosen = parser.parse_args()
    if not (chosen.checkout / "tests/integration").is_dir():
        parser.error(f"{chosen.checkout} is no checkout of docker-py: it has no tests/integration")
    with tempfile.TemporaryDirectory(prefix="dkb-") as folder:
        failed, passed, skipped = outcomes(run(chosen.checkout, Path(folder)))
    print(f"passed {passed}, failed {len(failed)}, skipped {skipped}")
    listed = known()
    for name in sorted(failed - set(listed)):
        print(f"fails, and is not listed: {name}")
    for name in sorted(set(listed) - failed):
        print(f"listed, and passes: {name}")
    if chosen.renew:
        write(failed)
    return int(failed != set(listed))


if __name__ == "__main__":
    sys.exit(main())
