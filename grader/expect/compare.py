"""Comparisons that forgive what makes no difference: ways to name an image."""

from __future__ import annotations

from grader.state import Container, Snapshot, familiar, repository


def uses_image(box: Container, ref: str, snapshot: Snapshot, *, tag_matters: bool) -> bool:
    """Whether a container was made from the image that has the name ``ref`` today.

    ``tag_matters``: another tag of the same image does not do.
    """
    same_name = familiar(box.image) == familiar(ref)
    wanted = snapshot.originals.get(familiar(ref))
    if wanted is None:
        found = snapshot.image(ref)
        if found is None or not box.image_id:
            return same_name  # an image that lost its name since: nothing else is known of it
        wanted = found.id
    # A name proves nothing: `docker tag` gives it to any image, and the next build takes it away.
    return box.image_id == wanted and (same_name or not tag_matters or _by_id(box))


def _by_id(box: Container) -> bool:
    """An image given by id or digest has no tag that could be wrong."""
    return "@" in box.image or box.image_id.removeprefix("sha256:").startswith(
        box.image.removeprefix("sha256:")
    )


def same_repository(left: str, right: str) -> bool:
    """Whether two references differ in the tag at most."""
    return repository(left) == repository(right)
