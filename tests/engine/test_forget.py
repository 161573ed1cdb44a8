"""``forget``: what it removes, and what it leaves alone on one's own Docker."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.engine.host import HostEngine
from grader.notebook.baseline import Before, Keeper, noted
from grader.notebook.forget import CouldNotForget, forgetter
from tests.engine.asking import Course
from tests.engine.dockerd import Dockerd


def test_forget_removes_by_exact_name_only(course: Course) -> None:
    forget = forgetter(course.inspector.client)
    box = course.run("web", ["sleep", "60"])
    course.client.networks.create("back").connect(box)
    course.client.images.get("busybox").tag("mine", "v1")
    course.client.volumes.create("data")
    forget("nothing", box.id[:4], image="nothing", network="nothing", volume="nothing")
    course.passes(lambda e: e.container("web").is_running())
    forget("web", image="mine:v1", network="back")
    course.passes(
        lambda e: e.has_no_container("web").has_no_image("mine:v1").has_no_network("back").image("busybox")
    )
    assert [volume.name for volume in course.client.volumes.list()] == ["data"]
    for _ in range(2):
        forget("web", image="mine:v1", network="back", volume=["data"])
    assert course.client.volumes.list() == []
    with pytest.raises(CouldNotForget, match="needs names"):
        forget("")


@pytest.mark.root
def test_forget_leaves_alone_what_was_there_on_ones_own_docker(
    dockerd: Dockerd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a lab: noted when it starts, kept through kernels that begin anew."""
    host = f"unix://{dockerd.socket}"
    with HostEngine(host).start() as engine:
        client = engine.client()
        client.containers.create("busybox", ["true"], name="old")
        client.networks.create("old-net")
        client.volumes.create("old-data")
        client.images.get("busybox").tag("old", "v1")
        record = tmp_path / "before.json"
        Before.look(client).save(record)
        environment = {"DOCKER_HOST": host, "DOCKBOOK_BEFORE": str(record)}

        client.containers.create("busybox", ["true"], name="new")
        client.networks.create("new-net")
        client.volumes.create("new-data")
        client.images.get("busybox").tag("new", "v1")
        forget = forgetter(engine.client, Keeper(environment).of)
        forget("new", network="new-net", volume="new-data", image="new:v1")
        assert [box.name for box in client.containers.list(all=True)] == ["old"]
        for kind, words in (("container", {}), ("network", {"network": "old-net"})):
            with pytest.raises(CouldNotForget, match=f"The {kind} 'old.* before the course began"):
                forget(*([] if words else ["old"]), **words)
        with pytest.raises(CouldNotForget, match="docker volume rm old-data"):
            forget(volume="old-data")
        # An image is in nobody's way: a pull, a build or a tag finds its name free to use.
        forget(image=["old:v1", "new:v1"])
        assert "The image 'old:v1' was on your Docker before the course began" in capsys.readouterr().out
        assert engine.missing_images(["old:v1", "new:v1"]) == ["new:v1"]
        forget("nothing", network="nothing", volume="nothing", image="nothing")

        # Without a lab: what was there when the kernel first met the engine.
        client.containers.create("busybox", ["true"], name="earlier")
        keeper = Keeper({"DOCKER_HOST": host})
        assert keeper.of(client) is not None
        client.containers.create("busybox", ["true"], name="later")
        alone = forgetter(engine.client, keeper.of)
        alone("later")
        with pytest.raises(CouldNotForget, match="it stays"):
            alone("earlier")
        engine.reset()


def test_on_a_private_engine_there_is_nothing_to_leave_alone(course: Course) -> None:
    course.run("left-over", ["sleep", "60"])
    assert noted(course.client, {}) is None
    forgetter(course.inspector.client, Keeper({}).of)("left-over")
    course.passes(lambda e: e.has_no_container("left-over"))
