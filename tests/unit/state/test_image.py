"""An image's configuration."""

from __future__ import annotations

from grader.state import ImageConfig


def test_the_kind_of_machine_in_every_form() -> None:
    arm = {"Os": "linux", "Architecture": "arm64", "Variant": "v8"}
    assert ImageConfig.from_inspect(arm).platforms == ("linux/arm64", "linux/arm64/v8")
    unnamed = {"Os": "linux", "Architecture": "arm64"}
    assert ImageConfig.from_inspect(unnamed).platforms == ("linux/arm64", "linux/arm64/v8")
    older = {"Os": "linux", "Architecture": "arm", "Variant": "v6"}
    assert ImageConfig.from_inspect(older).platforms == ("linux/arm", "linux/arm/v6")
    assert ImageConfig.from_inspect({"Os": "linux", "Architecture": "s390x"}).platforms == ("linux/s390x",)
    assert ImageConfig.from_inspect({"Os": "linux", "Architecture": "amd64"}).platforms == ("linux/amd64",)
