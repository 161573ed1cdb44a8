"""Questions about one container: what it is, how it ran, what it printed."""

from __future__ import annotations

from typing import Self

from grader.expect import compare
from grader.expect.container_net import ContainerNet
from grader.expect.shell import Command, is_bare_shell, script_of
from grader.expect.why import explain
from grader.expect.words import command, count, either, exit_code, exit_meaning, quote
from grader.state import Log, familiar, moment_of

_IMPOSTOR = (
    "The name {0} now belongs to another image than the course's, and the name alone does not count: "
    "`docker pull {0}` fixes that."
)


class ContainerSubject(ContainerNet):
    """``engine.container("name")``. Each verb notes what differs and returns the subject, to ask on."""

    # What it is

    def uses_image(self, ref: str, *, tag_matters: bool = False) -> Self:
        """Was created from this image; another tag of the same image is fine, too, unless ``tag_matters``.

        Example: ``engine.container("web").uses_image("training/webapp")``
        """
        box, snapshot = self.box, self.context.snapshot
        if compare.uses_image(box, ref, snapshot, tag_matters=tag_matters):
            return self
        found = quote(box.image)
        if snapshot.impostor(ref) is not None:
            hint = _IMPOSTOR.format(ref)
        elif familiar(box.image) == familiar(ref):
            found = "an earlier image of that name"
            hint = (
                f"It was built, pulled or tagged again after this container was created. {self.run_again()}"
            )
        elif compare.same_repository(box.image, ref):
            hint = f"The repository is right, the tag is not (no tag means latest). {self.run_again()}"
        elif snapshot.image(ref) is None:
            hint = f"That image is not in this engine yet: pull it, then run the container from {quote(ref)}."
        else:
            hint = f"Remove the container (`docker rm -f {box.name}`) and run it again from {quote(ref)}."
        return self.differs("image", quote(ref), found, hint)

    def ran(self, *argv: str, exact: bool = False) -> Self:
        """Executes this program with these arguments, or this script of a shell.

        A shell around one program makes no difference, nor does the folder that programs are in. ``exact``:
        word for word, entry point included.

        Example: ``engine.container("greeter").ran("/bin/echo", "Hello world")``
        """
        box = self.box
        if box.argv == argv or (not exact and Command.of(box.argv) == Command.of(argv)):
            return self
        return self.differs("command", command(argv), command(box.argv), self._command_hint(argv))

    def _command_hint(self, argv: tuple[str, ...]) -> str:
        box, wanted = self.box, Command.of(argv)
        if len(box.argv) == 1 and box.argv[0].split() == " ".join(argv).split():
            what = "The whole line was passed as one word, which names no program: drop the quotes."
        elif not box.argv or box.argv == box.entrypoint:
            what = "The command comes after the image."
        elif " ".join(Command.of(box.argv).words).split() == " ".join(wanted.words).split():
            what = "The arguments are split elsewhere: quotes, or a list in Python, keep one together."
        elif wanted.script and script_of(box.argv) is None:
            what = 'Without a shell, `;`, `|` and `>` are words like any other: `sh -c "..."` reads them.'
        else:
            what = "Compare the words one by one: spelling, order, capitals."
        return f"{what} {self.run_again()}"

    def ran_a_shell(self) -> Self:
        """Executes a shell without a script, which reads commands from its input.

        Example: ``engine.container("dialog").ran_a_shell()``
        """
        if not is_bare_shell(self.box.argv):
            hint = f"What you should type later is not part of the command. {self.run_again()}"
            self.differs("command", "a shell alone, such as sh", command(self.box.argv), hint)
        return self

    def runs_command_containing(self, *parts: str) -> Self:
        """Its command contains each of these, anywhere.

        Example: ``engine.container("ticker").runs_command_containing("while true", "sleep 1")``
        """
        line = " ".join(" ".join(self.box.argv).split())
        missing = [part for part in parts if " ".join(part.split()) not in line]
        if missing:
            hint = f"The command comes after the image; compare it, word by word. {self.run_again()}"
            self.differs("command", f"one with {' and '.join(map(quote, missing))}", quote(line, 200), hint)
        return self

    # How it runs

    def is_running(self) -> Self:
        """Is running now.

        Example: ``engine.container("web").is_running()``
        """
        box = self.box
        if box.status == "restarting":
            # Between two restarts; a moment later it may run, so the code is what tells.
            hint = f"Its command ends each time, last with exit code {exit_code(box.exit_code)}: see its log."
            return self.differs("state", "running", "restarting again and again", hint)
        if not box.running:
            hint = {
                "created": self._why_not_started(),
                "paused": f"Resume it: `docker unpause {box.name}`.",
            }.get(
                box.status,
                self._why_not_started(),
            )
            self.differs("state", "running", box.status or "no state", hint)
        return self

    def is_stopped(self) -> Self:
        """Ran and has ended, with any exit code.

        Example: ``engine.container("greeter").is_stopped()``
        """
        if not self._ended():
            hint = (
                self._why_not_started()
                if self.box.status == "created"
                else f"Stop it: `docker stop {self.box.name}`, or `.stop(timeout=1)` in Python."
            )
            self.differs("state", "stopped", self.box.status or "no state", hint)
        return self

    def exited(self, *codes: int) -> Self:
        """Has ended with one of these exit codes (none given: 0). If it is about to end, the check waits.

        Example: ``engine.container("polite").exited(0, 143)``
        """
        codes = codes or (0,)
        expected = either(list(map(str, codes)))
        if not self._ended():
            box = self.box
            if box.status == "created":
                return self.differs("exit code", expected, "one that never ran", self._why_not_started())
            return self.differs("exit code", expected, f"none yet: it is {box.status}", self._to_end(codes))
        if self.box.exit_code not in codes:
            self.differs("exit code", expected, exit_code(self.box.exit_code), self._why_ended(codes))
        return self

    def _to_end(self, codes: tuple[int, ...]) -> str:
        """How to make a running container end with one of these codes."""
        box = self.box
        if self._waits_for_words() and 0 in codes:
            return f"Its shell is waiting for input: run `docker attach {box.name}`, then type `exit`."
        if 143 in codes and not box.init:
            return (
                "As process number 1, most programs ignore SIGTERM, and `docker stop` then kills them (137). "
                f"{self.run_again('with `--init`')} Then `docker stop {box.name}`."
            )
        if {137, 143} & set(codes):
            return f"Stop it: `docker stop {box.name}`."
        return (
            f"Its command still runs: `docker wait {box.name}` waits for its end. If it never ends, the task "
            f"needs another command. {self.run_again()}"
        )

    def _waits_for_words(self) -> bool:
        return is_bare_shell(self.box.argv) and self.box.open_stdin

    def was_restarted(self) -> Self:
        """The same container has ended before and is running again.

        Example: ``engine.container("web").was_restarted()``
        """
        box = self.box
        if not box.started_again:
            how = "runs for the first time" if box.running else f"is {box.status}"
            hint = (
                f"Stop and start the same one: `docker restart {box.name}`. `docker run` creates a new one."
            )
            self.differs("life", "ended once, running again", f"one that {how}", hint)
        return self

    def was_started_again(self) -> Self:
        """Was started more than once, running or not: its log has a line from before its latest start.

        For a program that prints only in reply to input, such as a shell: one that prints at once may do so
        a moment before the engine records its start.

        Example: ``engine.container("dialog").was_started_again()``
        """
        first, latest = self.context.inspector.first_output(self.box.id), self.box.started_at
        if first is None or latest is None or first >= latest:
            found = "nothing in its log from before its latest start"
            hint = f"Start the same one again: `docker start -ai {self.box.name}`. A new one does not count."
            self.differs("life", "started again after it had ended", found, hint)
        return self

    def finished_after(self, other: ContainerSubject) -> Self:
        """Ended after the other one was started.

        Example: ``engine.container("greeter").finished_after(engine.container("books"))``
        """
        ended, began = self.box.finished_at, other.box.started_at
        if ended is None or began is None or ended < began:
            found = "one that has not ended" if ended is None else "one that ended before"
            self.differs("end", f"after {other.what} started", found, "Run them in the other order.")
        return self

    def _ended(self) -> bool:
        def look() -> bool:
            if self.box.running:
                self.look_again()
            return self.box.stopped

        # Only what runs can be about to end; waiting for the rest would only cost time.
        return self.box.stopped or (self.box.running and self.context.wait(look))

    def _why_not_started(self) -> str:
        why = explain(self.box)
        return " ".join(word for word in (why.what, f"Try: {why.hint}" if why.hint else "") if word)

    def _why_ended(self, codes: tuple[int, ...]) -> str:
        box, why = self.box, explain(self.box)
        if self._waits_for_words() and 0 in codes:
            return f"`docker start -ai {box.name}` opens its shell again; leave it with `exit`."
        if why.kind == "finished":
            # How to keep it running does not help with a check that asks for another exit code.
            return f"Its command ended without an error. {self.run_again('with another command')}"
        # The finding shows the meaning of the code already.
        said = exit_meaning(self.box.exit_code) and not self.box.oom_killed
        return why.hint if said else f"{why.what} {why.hint}".strip()

    # What it printed

    def printed(self, text: str, *, reveal: bool = True, unprompted: bool = False) -> Self:
        """Its standard output contains this. ``reveal`` False keeps the text out of the finding.

        ``unprompted``: and neither its command nor its environment contains it; it came from a file, say.

        Example: ``engine.container("greeter").printed("Hello world")``
        """
        self._printed(text, "stdout", reveal=reveal)
        told = [word for word in (*self.box.argv, *self.box.env.values()) if text in word]
        if unprompted and told:
            hint = f"It must come from where the task says, not from the command. {self.run_again()}"
            self.differs("command", "one without what is to be printed", "one that holds it", hint)
        return self

    def printed_to_stderr(self, text: str, *, reveal: bool = True) -> Self:
        """Its standard error contains this (with a terminal there is none: all is output).

        Example: ``engine.container("grumble").printed_to_stderr("not quite")``
        """
        return self._printed(text, "stderr", reveal=reveal)

    def _printed(self, text: str, stream: str, *, reveal: bool) -> Self:
        text = text.replace("\r\n", "\n")
        log = Log()

        def look() -> bool:
            nonlocal log
            log = self.context.inspector.logs(self.box.id)
            return text in getattr(log, stream) or bool(log.unreadable or log.truncated)

        seen = look() or (self.box.running and self.context.wait(look))
        if seen and text in getattr(log, stream):
            return self
        name = "output" if stream == "stdout" else "error output"
        expected = quote(text, 200) if reveal else ""
        found, hint = self._output_words(log, stream), self._output_hint(log, stream, text)
        return self.differs(name, expected, found, hint)

    def _output_words(self, log: Log, stream: str) -> str:
        if log.unreadable:
            return f"none that can be read ({log.unreadable})"
        kept = getattr(log, stream)
        start = "its first part, " if log.truncated else ""
        return f"{start}{quote(kept, 200)}" if kept else "nothing"

    def _output_hint(self, log: Log, stream: str, text: str) -> str:
        other = log.stderr if stream == "stdout" else log.stdout
        if text in other:
            return f"It is in the container's {'error output' if stream == 'stdout' else 'output'} instead."
        if text.casefold().strip() in getattr(log, stream).casefold():
            return "Nearly: capitals or blanks at the ends differ."
        if log.stderr and stream == "stdout":
            return f"Its error output says {quote(log.stderr, 160)}."
        if self.box.status == "created":
            return self._why_not_started()
        return self._other_command()

    def _other_command(self) -> str:
        """What to do about a container that printed something else, or nothing."""
        box = self.box
        if is_bare_shell(box.argv) and not box.open_stdin:
            config = self.context.inspector.image(box.image_id)
            what = f"Its command, {command(box.argv)}, is a shell that had nothing to read"
            if config is not None and config.cmd == box.cmd:
                return (
                    f"{what}. It comes from the image. The Dockerfile needs a CMD that prints it. Then build "
                    f"the image again. {self.run_again()}"
                )
            return f"{what}. {self.run_again('with the command that prints it')}"
        return (
            f"`docker logs {box.name}` shows all of it. It ran {command(box.argv)}: is that what prints it?"
        )

    def prints_again(self, within_s: float = 3) -> Self:
        """Its log grows during the check, within ``within_s`` seconds.

        Example: ``engine.container("ticker").prints_again(within_s=3)``
        """
        if not self.box.running:
            hint = "Only a running container can print more."
            return self.differs("log", "one that grows", f"a container that is {self.box.status}", hint)
        last_output, box_id = self.context.inspector.last_output, self.box.id
        first = last_output(box_id)
        if not self.context.wait(lambda: last_output(box_id) != first, within_s):
            self.box = self.context.again(self.box)
            if not self.box.running:
                # It ended just then, which says more than its silence.
                return self.is_running()
            found = f"nothing new in {within_s:g} s" if first else f"nothing printed in {within_s:g} s"
            hint = f"Its command must keep printing: watch it with `docker logs -f {self.box.name}`."
            self.differs("log", "one that grows", found, hint)
        return self

    def prints_at_most(self, per_s: float, over_s: float = 2) -> Self:
        """Its log has at most this many lines per second, from its first line to its last; slower is fine.

        While it runs, the check waits until its log covers ``over_s`` seconds: a few lines say nothing yet.

        Example: ``engine.container("ticker").prints_at_most(2)``
        """
        inspector, box_id = self.context.inspector, self.box.id

        def covered() -> float:
            first, last = inspector.first_output(box_id), moment_of(inspector.last_output(box_id))
            return (last - first).total_seconds() if first and last else 0.0

        if self.box.running:
            self.context.wait(lambda: covered() >= over_s, 2 * over_s)
        lines = inspector.logs(box_id).text.count("\n")
        seconds = covered()
        if lines > 2 + per_s * seconds:
            found = f"{count(lines, 'line')} in {seconds:.1f} s"
            hint = "Let its loop wait between two lines, as with `sleep 1`."
            self.differs("log", f"at most {per_s:g} lines per second", found, hint)
        return self

    # What it holds

    def has_file(self, path: str, *, containing: str = "", hint: str = "") -> Self:
        """A file or folder is at ``path`` in it, with this text in its first 64 kB. ``hint``: what to do.

        Example: ``engine.container("web").has_file("/etc/motd", containing="Welcome")``
        """
        there = self.context.inspector.file(self.box.id, path)
        if there is None:
            how = f"Make it in this container, while it runs: {self._write('>', path)}."
            return self.differs(f"file {path}", "there", "nothing", hint or how)
        if containing not in there.text:
            found = quote(there.text, 200) if there.text else f"{count(there.size, 'byte')} without it"
            how = f"Write it in this container, while it runs: {self._write('>>', path)}."
            self.differs(f"file {path}", f"one with {quote(containing)}", found, hint or how)
        return self

    def _write(self, arrow: str, path: str) -> str:
        return f'`docker exec {self.box.name} sh -c "echo ... {arrow} {path}"`'

    def lacks_text(self, path: str, text: str, hint: str = "") -> Self:
        """A file is at ``path`` in it, without this text in its first 64 kB. ``hint``: what to do then.

        Example: ``engine.container("web").lacks_text("/etc/motd", "password")``
        """
        there = self.context.inspector.file(self.box.id, path)
        if there is None:
            return self.differs(f"file {path}", "there", "nothing", "Only the text should go, not the file.")
        if text in there.text:
            self.differs(f"file {path}", f"one without {quote(text)}", "one with it", hint)
        return self

    def lacks_file(self, path: str) -> Self:
        """Nothing is at ``path`` in it.

        Example: ``engine.container("web").lacks_file("/tmp/secret.key")``
        """
        if self.context.inspector.file(self.box.id, path) is not None:
            if self.context.inspector.image_file(self.box.image_id, path) is not None:
                hint = f"It comes from the image: build the image without it first. {self.run_again()}"
            else:
                hint = f"Remove it inside this container: `docker exec {self.box.name} rm -r {path}`."
            self.differs(f"file {path}", "nothing", "something", hint)
        return self
