import io
import tarfile
forget("journal", "blank")
blank = client.containers.run("busybox", ["sleep", "1000"], name="blank", detach=True)
journal = client.containers.run("busybox", ["sleep", "1000"], name="journal", init=True, detach=True)
packed, text = io.BytesIO(), f"{mine.word('journal')}\n".encode()
with tarfile.open(fileobj=packed, mode="w") as archive:
    entry = tarfile.TarInfo("entry")
    entry.size = len(text)
    archive.addfile(entry, io.BytesIO(text))
journal.put_archive("/", packed.getvalue())
journal.restart()
