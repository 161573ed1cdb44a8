"""Archives of all kinds: what is unpacked, what is left out and why, and that a bomb stays small."""

from __future__ import annotations

import gzip
import io
import logging
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader import worked_answers
from grader.course import Limits
from grader.grading import unpack
from grader.grading.unpack import Extractor

BOMB = 40 << 20


def zipped(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, f"in {name}")


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as out:
        for _ in range(BOMB >> 20):
            out.write(bytes(1 << 20))


def tar_bomb(path: Path, kind: bytes = tarfile.REGTYPE) -> None:
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("zeros")
        info.type, info.size = kind, BOMB
        with Path("/dev/zero").open("rb") as zeros:
            archive.addfile(info, zeros)


def pax_bomb(path: Path) -> None:
    """Its header says that forty megabytes of headers follow."""
    tar_bomb(path, tarfile.XHDTYPE)


def lies(path: Path) -> None:
    """A zip that says its one file is small."""
    bomb(path)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    path.write_bytes(data)


def negative_tar(kind: bytes, size: int = 0, told: str = "") -> Callable[[Path], None]:
    """A tar whose next member is before this one, by its header or by the one of its own before it."""

    def make(path: Path) -> None:
        first, odd = tarfile.TarInfo("ann/first"), tarfile.TarInfo("ann/odd")
        odd.type, odd.size, odd.pax_headers = kind, size, {"size": told} if told else {}
        blocks = first.tobuf() + odd.tobuf(tarfile.PAX_FORMAT if told else tarfile.GNU_FORMAT)
        path.write_bytes(gzip.compress(blocks + bytes(1024)))

    return make


NEGATIVE = {
    f"{name}{size}": negative_tar(kind, size)
    for name, kind in (
        *(("file", tarfile.REGTYPE), ("folder", tarfile.DIRTYPE), ("link", tarfile.SYMTYPE), ("other", b"Z")),
        *(("sparse", tarfile.GNUTYPE_SPARSE), ("long", tarfile.GNUTYPE_LONGNAME), ("pax", tarfile.XHDTYPE)),
    )
    for size in (-1, -512, -1024)
} | {f"header{size}": negative_tar(tarfile.REGTYPE, told=str(size)) for size in (-512, -1024, -1536)}


def nested_bomb(path: Path) -> None:
    inner = path.with_name("inner.zip")
    bomb(inner)
    shutil.move(inner, path.with_name("keep"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_name("keep"), "inner.zip")
    path.with_name("keep").unlink()


def many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(unpack.MOST_FILES + 1):
            archive.writestr(f"bob/{number}", "")


def encrypted(path: Path) -> None:
    zipped(path, "a")
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)


def lzma(path: Path) -> None:
    """With properties that its decoder refuses."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", "a" * 1000)
    data = bytearray(path.read_bytes())
    at = 30 + len("a") + 4
    data[at : at + 5] = b"\xff" * 5
    path.write_bytes(data)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are quickly met."""
    monkeypatch.setattr(unpack, "MOST_FILES", 200)
    monkeypatch.setattr(unpack, "Limits", lambda: Limits(notebook_bytes=2_000_000, files_bytes=5_000_000))


@pytest.fixture
def extract(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Callable[[], tuple[list[str], str]]:
    """Extract what is in ``archive``: the files that came out of it, and the warnings."""

    def run() -> tuple[list[str], str]:
        target = tmp_path / "extracted"
        target.mkdir()
        with caplog.at_level(logging.WARNING):
            plugin = Extractor()
            plugin.log = logging.getLogger("test")
            plugin.extract(str(tmp_path / "archive"), str(target))
        found = [path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()]
        assert not [path for path in tmp_path.rglob("*") if path.is_symlink() and target in path.parents]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "extracted"]
        return sorted(found), caplog.text

    (tmp_path / "archive").mkdir()
    return run


def test_zips_a_platforms_zip_of_zips_tars_and_plain_files(tmp_path, extract):
    archive = tmp_path / "archive"
    zipped(archive / "ann.zip", "ann/ch01/ch01.ipynb", "ann/ch01/notes/a.txt")
    (archive / "more").mkdir()
    zipped(archive / "bob.zip", "bob/ch01/ch01.ipynb")
    with zipfile.ZipFile(archive / "more" / "all.zip", "w") as outer:
        outer.write(archive / "bob.zip", "Bob B_1_bob.zip")
    (archive / "bob.zip").unlink()
    with tarfile.open(archive / "cleo.tar.gz", "w:gz") as bundle:
        info = tarfile.TarInfo("cleo/ch01/ch01.ipynb")
        info.size = 2
        bundle.addfile(info, io.BytesIO(b"{}"))
    (archive / "dora.ipynb").write_text("{}")
    assert extract() == (
        [
            "ann/ann/ch01/ch01.ipynb",
            "ann/ann/ch01/notes/a.txt",
            "cleo/cleo/ch01/ch01.ipynb",
            "dora.ipynb",
            "more/all/Bob B_1_bob/bob/ch01/ch01.ipynb",
        ],
        "",
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", NEGATIVE.values(), ids=NEGATIVE)
def test_a_tar_with_a_negative_size_comes_to_an_end(tmp_path, extract, monkeypatch, make):
    """Also under a Python without the patch, which rounds a negative size up as it does others."""
    monkeypatch.setattr(tarfile.TarInfo, "_block", lambda _, count: -(-count // 512) * 512)
    make(tmp_path / "archive" / "bad.tar.gz")
    zipped(tmp_path / "archive" / "good.zip", "good")
    found, _ = extract()
    assert found[-1] == "good/good"
    assert len(found) <= 3


@pytest.mark.parametrize(
    ("make", "name", "why"),
    [
        (bomb, "bad.zip", "bytes are in it"),
        (lies, "bad.zip", "cannot be unpacked"),
        (nested_bomb, "bad.zip", "bytes are in it"),
        (tar_bomb, "bad.tar.gz", "bytes are in it"),
        (pax_bomb, "bad.tar.gz", "bytes are in it"),
        (many, "bad.zip", "more than 200 files"),
        (encrypted, "bad.zip", "encrypted"),
        (lambda path: path.write_bytes(b"PK\x03\x04 torn"), "bad.zip", "cannot be unpacked"),
        (lambda path: path.write_bytes(b""), "bad.tar.gz", "cannot be unpacked"),
        (lambda path: path.write_text("no archive"), "bad.gz", "cannot be unpacked"),
        (lambda path: path.symlink_to("/etc/passwd"), "bad.zip", "not a regular file"),
        (lzma, "bad.zip", "not packed the usual way"),
        (lambda path: zipped(path, "a"), ".tar.gz", "its name is only an extension"),
        (lambda path: zipped(path, "a"), ".zip.gz", "its name is only an extension"),
        (lambda path: zipped(path, "a"), "..zip", "its name is only an extension"),
        (lambda path: zipped(path, "a/" * 60 + "b"), "bad.zip", "more than 50 folders"),
    ],
)
def test_a_bad_one_is_left_out_and_the_others_are_taken(tmp_path, extract, make, name, why):
    archive = tmp_path / "archive"
    make(archive / name)
    zipped(archive / "ann.zip", "ann/ch01/ch01.ipynb")
    found, said = extract()
    assert found == ["ann/ann/ch01/ch01.ipynb"]
    assert "is left out" in said and why in said


def test_archives_in_one_hand_in_have_its_bounds_together(tmp_path, extract):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(3_000_000))
    with zipfile.ZipFile(tmp_path / "archive" / "bob.zip", "w") as outer:
        for number in range(5):
            outer.writestr(f"bob/{number}.zip", inner.getvalue())
        outer.writestr("cleo.zip", inner.getvalue())
    found, said = extract()
    assert found == ["bob/bob/0/zeros", "bob/bob/1/zeros", "bob/cleo/zeros"]
    assert said.count("bytes are in it") == 3


@pytest.mark.parametrize("student", ["in an archive of the class", "alone"])
def test_what_is_there_twice_or_in_the_way_costs_itself_alone(tmp_path, extract, student):
    path = tmp_path / "archive" / "bob.zip"
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped(path, "a", "a", "a/b", "c/d", "c", "e")
    if student != "alone":
        with zipfile.ZipFile(path.with_name("all.zip"), "w") as outer:
            outer.write(path, "bob.zip")
            outer.writestr("ann.ipynb", "{}")
        path.unlink()
    found, said = extract()
    own = ["bob/a", "bob/c/d", "bob/e"]
    assert found == (own if student == "alone" else ["all/ann.ipynb", *(f"all/{name}" for name in own)])
    assert said.count("something with its name is already there") == 3


@pytest.mark.parametrize(
    "harm",
    [
        lambda archive: archive.writestr("bob_2_x/zeros", bytes(BOMB)),
        lambda archive: archive.writestr("bob_2_zeros.ipynb", bytes(BOMB)),
        lambda archive: [archive.writestr(f"bob_2_x/{n}", "") for n in range(unpack.MOST_FILES + 1)],
        lambda archive: archive.writestr("bob_2_x.zip", "torn"),
    ],
)
def test_one_of_a_class_beyond_the_bounds_costs_that_one(tmp_path, extract, harm):
    """Whatever is under one name of a platform's archive is one student's, and so are its bounds."""
    with zipfile.ZipFile(tmp_path / "archive" / "all.zip", "w", zipfile.ZIP_DEFLATED) as outer:
        outer.writestr("ann_1_ch01.ipynb", "{}")
        harm(outer)
        outer.writestr("cleo_3_ch01.ipynb", "{}")
    found, said = extract()
    assert found == ["all/ann_1_ch01.ipynb", "all/cleo_3_ch01.ipynb"]
    assert "bob_2" in said and "is left out" in said


def test_a_class_of_notebooks_that_shrink_well_is_taken_whole(tmp_path, extract):
    """Text shrinks to a twentieth: all of them together are more than one submission may be."""
    with zipfile.ZipFile(tmp_path / "archive" / "all.zip", "w", zipfile.ZIP_DEFLATED) as outer:
        text = "".join(f'"out {line}",\n' for line in range(90_000))
        for number in range(20):
            outer.writestr(f"s{number:02}_1_ch01.ipynb", text)
    assert 3 * (tmp_path / "archive" / "all.zip").stat().st_size < 20 * len(text)
    assert 20 * len(text) > 2 * 7_000_000
    found, said = extract()
    assert len(found) == 20 and said == ""


def test_what_a_system_or_the_course_adds_is_dropped(tmp_path, extract):
    added = ("__MACOSX/kim/._a", "kim/.DS_Store", "kim/._b", f"kim/{worked_answers.HIDDEN}")
    zipped(tmp_path / "archive" / "kim.zip", "kim/a", *added)
    (tmp_path / "archive" / "._kim.zip").write_text("no archive")
    assert extract() == (["kim/kim/a"], "")


def test_nothing_lands_outside_or_is_a_link(tmp_path, extract):
    archive = tmp_path / "archive"
    with zipfile.ZipFile(archive / "ann.zip", "w") as packed:
        for name in ("../up", "/abs", "a/../../up2", "\\win", "C:\\win", "b" * 300, "c/" * 600 + "d", "ok"):
            packed.writestr(name, "x")
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    with tarfile.open(archive / "bob.tar.gz", "w:gz") as bundle:
        for name, kind in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("dev", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            bundle.addfile(info)
        bundle.addfile(tarfile.TarInfo("../up"))
        bundle.addfile(tarfile.TarInfo("fine"))
    found, _ = extract()
    assert found == ["ann/ok", "bob/fine"]


def test_what_is_packed_deeper_stays_out_and_no_folder_is_overwritten(tmp_path, extract):
    archive = tmp_path / "archive"
    zipped(archive / "c.zip", "deep.txt")
    for outer, inner in (("b.zip", "c.zip"), ("a.zip", "b.zip")):
        with zipfile.ZipFile(archive / outer, "w") as packed:
            packed.write(archive / inner, inner)
            packed.writestr("beside.txt", "x")
        (archive / inner).unlink()
    zipped(archive / "d.zip", "e.zip/x", "e")
    with zipfile.ZipFile(archive / "f.zip", "w") as packed:
        packed.writestr("g/mine.txt", "mine")
        packed.writestr("g.zip", (archive / "d.zip").read_bytes())
    (archive / "d.zip").unlink()
    found, said = extract()
    assert found == ["a/b/beside.txt", "a/beside.txt", "f/g/mine.txt"]
    assert "nested too deeply" in said and "something with its name is already there" in said
