"""Questions about one image."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from grader.expect.check_context import CheckContext
from grader.expect.words import command, count, either, listing, quote
from grader.state import Image, ImageConfig, familiar, repository


class ImageSubject:
    """``engine.image("name:tag")``. Each verb notes what differs and returns the subject, to ask on."""

    def __init__(self, context: CheckContext, image: Image, asked: str) -> None:
        self.context = context
        self.image = image
        self.asked = asked
        self.what = f"image {asked}"

    @property
    def id(self) -> str:
        """Its full id, ``sha256:...``.

        Example: ``engine.answer("image_id").equals(engine.image("shop:1.0").id)``
        """
        return self.image.id

    @cached_property
    def config(self) -> ImageConfig:
        """How it was built; read when first needed.

        Example: ``engine.container("web").has_command(*engine.image("training/webapp").config.cmd)``
        """
        found = self.context.inspector.image(self.image.id)
        if found is None:
            self.context.end(self.what, "presence", "there", "gone during the check", "Make it again.")
        return found

    def _differs(self, prop: str, expected: str, found: str, hint: str = "") -> Self:
        self.context.find(self.what, prop, expected, found, hint)
        return self

    def has_tag(self, ref: str) -> Self:
        """Also has this name and tag.

        Example: ``engine.image("shop:1.0").has_tag("shop:latest")``
        """
        if familiar(ref) not in map(familiar, self.image.tags):
            hint = f"Give it that name: `docker tag {self.image.name} {ref}`."
            self._differs("tags", quote(ref), listing(self.image.tags), hint)
        return self

    def same_as(self, other: ImageSubject | str) -> Self:
        """Is the same image: one id, two names.

        Example: ``engine.image("shop:latest").same_as("shop:1.0")``
        """
        if isinstance(other, str):
            found = self.context.snapshot.image(other)
            if found is None:
                hint = f"Give this image that name: `docker tag {self.image.name} {other}`."
                return self._differs("same image", quote(other), "no image of that name", hint)
            other = ImageSubject(self.context, found, other)
        if self.image.id != other.image.id:
            hint = "A tag is a second name for one image: tag it, do not build or commit it again."
            self._differs("id", f"that of {other.what}", self.image.id[:19], hint)
        return self

    def was_pulled(self) -> Self:
        """Came from a registry under this name: tagging or building gives no such mark.

        Example: ``engine.image("training/webapp").was_pulled()``
        """
        wanted = repository(self.asked)
        if not any(repository(digest) == wanted for digest in self.image.digests):
            hint = f"Pull it: `docker pull {self.asked}`. Another image with that tag is not the one meant."
            self._differs("origin", "a registry", "made or tagged here", hint)
        return self

    def has_author(self, text: str) -> Self:
        """Its author contains this.

        Example: ``engine.image("shop:1.0").has_author("Ann")``
        """
        return self._holds("author", self.config.author, text, "`docker commit -a` or `author=`.")

    def has_comment(self, text: str) -> Self:
        """Its comment contains this.

        Example: ``engine.image("shop:1.0").has_comment("first version")``
        """
        return self._holds("comment", self.config.comment, text, "`docker commit -m` or `message=`.")

    def _holds(self, prop: str, found: str, text: str, how: str) -> Self:
        if text not in found:
            self._differs(prop, quote(text), quote(found) if found else "none", f"It is given with {how}")
        return self

    def builds_on(self, base: str) -> Self:
        """Begins with all layers of ``base`` and has more of its own.

        Example: ``engine.image("shop:1.0").builds_on("busybox")``
        """
        found = self.context.snapshot.image(base)
        below = self.context.inspector.image(found.id) if found else None
        if below is None:
            hint = f"Pull it first: `docker pull {base}`."
            return self._differs("base", quote(base), "no image of that name here", hint)
        layers = self.config.layers
        if layers[: len(below.layers)] != below.layers:
            return self._differs(
                "base",
                quote(base),
                "other layers below",
                f"Start from it: `FROM {base}` is its first line. {_BUILD_AGAIN}",
            )
        if len(layers) == len(below.layers):
            hint = "Nothing was changed on top of it, so there is no layer of its own."
            self._differs("layers", f"more than {quote(base)} has", f"the same {len(layers)}", hint)
        return self

    def adds_layers(self, number: int, base: str) -> Self:
        """Has all layers of ``base`` and exactly ``number`` on top of them.

        Example: ``engine.image("shop:1.0").adds_layers(2, "busybox")``
        """
        found = self.context.snapshot.image(base)
        below = self.context.inspector.image(found.id) if found else None
        wanted, layers = f"{number} on top of {quote(base)}", self.config.layers
        if below is None:
            return self._differs("layers", wanted, f"no {quote(base)} to compare with")
        if layers[: len(below.layers)] != below.layers:
            return self._differs(
                "layers",
                wanted,
                "other layers below",
                f"Start from it: `FROM {base}` is its first line. {_BUILD_AGAIN}",
            )
        if (more := len(layers) - len(below.layers)) != number:
            hint = "Each RUN, COPY and ADD makes one, and with BuildKit each WORKDIR. " + (
                f"What one RUN does, its commands joined by `&&`, is in one layer. {_BUILD_AGAIN}"
                if more > number
                else _BUILD_AGAIN
            )
            self._differs("layers", wanted, f"{count(more, 'layer')} more", hint)
        return self

    def was_made_by(self, *texts: str) -> Self:
        """One instruction of its history contains this, or one of these (builders word them differently).

        Example: ``engine.image("shop:1.0").was_made_by("COPY page.html", "COPY file:")``
        """
        steps = self.context.inspector.history(self.image.id)
        wanted = [" ".join(text.split()) for text in texts]
        if not any(text in " ".join(step.split()) for step in steps for text in wanted):
            hint = f"See `docker history {self.image.name}`."
            self._differs("history", either(list(map(quote, texts))), listing(steps, 4), hint)
        return self

    def copies_files(self, base: str) -> Self:
        """One instruction of its own, above ``base``, copies files in: COPY, or ADD.

        Example: ``engine.image("shop:1.0").copies_files("busybox")``
        """
        found = self.context.snapshot.image(base)
        below = self.context.inspector.history(found.id) if found else ()
        steps = self.context.inspector.history(self.image.id)
        own = steps[: max(0, len(steps) - len(below))]
        if not {"COPY", "ADD"} & set(map(_instruction, own)):
            hint = f"A line of its Dockerfile should copy: `COPY file /place`. {_BUILD_AGAIN}"
            self._differs("instructions", "COPY or ADD", listing(map(_instruction, own)), hint)
        return self

    def has_file(self, path: str, *, containing: str = "") -> Self:
        """A file or folder is at ``path`` in it, with this text in its first 64 kB.

        Example: ``engine.image("shop:1.0").has_file("/srv/page.html", containing="Welcome")``
        """
        there = self.context.inspector.image_file(self.image.id, path)
        if there is None:
            hint = f"Was it made, or copied by `COPY`, and to that place? {_BUILD_AGAIN}"
            return self._differs(f"file {path}", "there", "nothing", hint)
        if containing not in there.text:
            hint = f"Write it again. {_BUILD_AGAIN}"
            self._differs(f"file {path}", f"one with {quote(containing)}", quote(there.text, 200), hint)
        return self

    def lacks_file(self, path: str) -> Self:
        """Nothing is at ``path`` in it.

        Example: ``engine.image("shop:1.0").lacks_file("/srv/secret.key")``
        """
        if self.context.inspector.image_file(self.image.id, path) is not None:
            hint = (
                "Keep it out of the build context with a `.dockerignore`, or remove it in the very step that "
                f"makes it. {_BUILD_AGAIN}"
            )
            self._differs(f"file {path}", "nothing", "something", hint)
        return self

    def has_command(self, *argv: str) -> Self:
        """Its CMD.

        Example: ``engine.image("shop:1.0").has_command("httpd", "-f")``
        """
        if self.config.cmd != argv:
            hint = f'The exec form keeps the words, in double quotes: `CMD ["a", "b"]`. {_BUILD_AGAIN}'
            self._differs("CMD", command(argv), command(self.config.cmd), hint)
        return self

    def has_entrypoint(self, *argv: str) -> Self:
        """Its ENTRYPOINT.

        Example: ``engine.image("clock").has_entrypoint("date")``
        """
        if self.config.entrypoint != argv:
            hint = f'The exec form keeps the words, in double quotes: `ENTRYPOINT ["a", "b"]`. {_BUILD_AGAIN}'
            self._differs("ENTRYPOINT", command(argv), command(self.config.entrypoint), hint)
        return self

    def has_label(self, name: str, value: str | None = None) -> Self:
        """Has this label (None: with any value).

        Example: ``engine.image("shop:1.0").has_label("version", "1.0")``
        """
        table = self.config.labels
        if name not in table or (value is not None and table[name] != value):
            found = quote(table[name]) if name in table else f"no such label; there are {listing(table)}"
            hint = f"`LABEL {name}={value or '...'}` in its Dockerfile. {_BUILD_AGAIN}"
            self._differs(f"label {name}", "set" if value is None else quote(value), found, hint)
        return self


_BUILD_AGAIN = "Then build it again, remove the containers created from it, and run them again."


def _instruction(step: str) -> str:
    """The word of a Dockerfile that a line of an image's history came from; the two builders differ."""
    words = step.replace("/bin/sh -c #(nop)", "", 1).split()
    first = words[0] if words else ""
    return first if first.isalpha() and first.isupper() else "RUN"
