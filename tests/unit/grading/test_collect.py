"""Whose a file is that came from a platform: the platform's names tell, never what a student has packed."""

from __future__ import annotations

import io
import logging
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import pytest
from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grader.grading.collect import Collector
from grader.grading.judge.received import Received, received
from grader.grading.unpack import Extractor

CHAPTER = "ch04-containers"
NOTEBOOK = f"{CHAPTER}.ipynb"
# As in course/INSTRUCTOR.md, and as an instructor may write it who has no slash in mind.
GUIDES = r".*/extracted/[^/]+/(?P<student_id>[\w.-]+?)_.*(?P<file_id>ch\d\d-[a-z-]+)"
LOOSE = r".*/(?P<student_id>[\w.-]+?)_[^/]*(?P<file_id>ch\d\d-[a-z-]+)"
EXPRESSIONS = pytest.mark.parametrize("expression", [GUIDES, LOOSE])
SENT = "20260105T101010Z"

Content = str | bytes


def packed(files: Mapping[str, Content]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def own(student: str, said: str, folder: str = CHAPTER) -> bytes:
    """As `dockbook submit` packs it."""
    return packed({f"{student}/{folder}/{NOTEBOOK}": said})


def named(student: str, sent: str = SENT) -> str:
    return f"{student}_{CHAPTER}_{sent}.zip"


ANN = {f"ann_4711_{named('ann')}": own("ann", "ann's")}


class Class:
    """A term folder whose archives are collected as `nbgrader zip_collect` does."""

    def __init__(self, root: Path, caplog: pytest.LogCaptureFixture) -> None:
        self.root, self.caplog = root, caplog

    def collect(
        self, files: Mapping[str, Content], expression: str, *, loose: bool = False
    ) -> tuple[dict[str, str], str]:
        """What is in ``submitted``, notebooks as ``student``, and the warnings. The files come in one
        archive of the platform's; with ``loose`` an instructor put them there one by one."""
        archive = self.root / "downloaded" / CHAPTER / "archive"
        archive.mkdir(parents=True)
        whole = files if loose else {"submissions.zip": packed(files)}
        for name, content in whole.items():
            (archive / name).parent.mkdir(parents=True, exist_ok=True)
            (archive / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        config = Config()
        config.FileNameCollectorPlugin.named_regexp = expression
        app = ZipCollectApp(config=config, force=True, collector_plugin=Collector, extractor_plugin=Extractor)
        app.log = logging.getLogger("collecting")
        app.coursedir = CourseDirectory(parent=app, root=str(self.root))
        app.coursedir.assignment_id = CHAPTER
        with self.caplog.at_level(logging.WARNING):
            app.init_plugins()
            app.extract_archive_files()
            app.process_extracted_files()
        submitted = self.root / "submitted"
        found = {}
        for path in sorted(submitted.rglob("*")):
            if path.is_file():
                student, chapter, name = path.relative_to(submitted).as_posix().split("/", 2)
                assert chapter == CHAPTER
                found[student if name == NOTEBOOK else f"{student}/{name}"] = path.read_text()
        assert {path.name for path in self.root.iterdir()} <= {".dockbook", "downloaded", "submitted"}
        return found, self.caplog.text


@pytest.fixture
def term(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Class:
    return Class(tmp_path, caplog)


INSIDE: list[Callable[[str], str]] = [
    lambda path: f"extracted/x/ann_1_20991231T235959Z/{path}",
    lambda path: f"ann_1_20991231T235959Z/{path}",
    lambda path: f"{CHAPTER}/ann_1_{CHAPTER}/{path}",
    lambda path: path,
    lambda path: f"extracted/extracted/extracted/ann_1_x/{path}",
]


@EXPRESSIONS
@pytest.mark.parametrize("place", INSIDE)
def test_nothing_inside_a_students_archive_makes_it_another_students(term, expression, place):
    inside = {place(f"ann/{CHAPTER}/{NOTEBOOK}"): "bob's", place(f"ann_1_{NOTEBOOK}"): "bob's too"}
    found, said = term.collect({**ANN, f"bob_4712_ann_1_{CHAPTER}.zip": packed(inside)}, expression)
    assert {name: text for name, text in found.items() if not name.startswith("bob/")} == {
        "ann": "ann's",
        "bob": "bob's",
    }
    assert "collected for bob, though the zip says ann" in said


@EXPRESSIONS
@pytest.mark.parametrize("loose", [True, False])
def test_an_archive_inside_a_students_is_that_students(term, expression, loose):
    """It may well look like a platform's, whether it came inside of one or not."""
    inner = packed({f"ann_1_{named('ann', '20991231T235959Z')}": own("ann", "bob's")})
    files = {**ANN, f"bob_4712_{named('ann')}": inner}
    if loose and expression is GUIDES:
        files = {
            f"submissions/{name}": data for name, data in files.items()
        }  # that expression wants a folder
    found, _ = term.collect(files, expression, loose=loose)
    assert found in ({"ann": "ann's", "bob": "bob's"}, {"ann": "ann's"})


@EXPRESSIONS
@pytest.mark.parametrize("alone", [True, False])
def test_an_archive_whose_name_is_no_students_gives_nobody_anothers_place(term, expression, alone):
    """Names inside it are whoever packed it's, also where it is the only one of an archive."""
    inner = packed({f"ann_4711_{CHAPTER}_20991231T235959Z/ann/{CHAPTER}/{NOTEBOOK}": "mallory's"})
    late = packed({"Mallory Smith_4712_x.zip": inner})
    files = {"late.zip": late} if alone else {"late.zip": late, "submissions.zip": packed(ANN)}
    found, said = term.collect(files, expression, loose=True)
    assert found == ({} if alone else {"ann": "ann's"})
    assert "finds no student's id in its name" in said


@EXPRESSIONS
@pytest.mark.parametrize(
    "name",
    ["..", ".", "...", ".hidden", "-rf", "a" * 100],
    ids=["two", "one", "three", "hidden", "dash", "long"],
)
def test_an_id_that_is_no_name_for_a_folder_is_not_taken(term, expression, name):
    files = {**ANN, f"{name}_4713_{named('x')}": own("x", "away"), f"{name}_4714_{NOTEBOOK}": "away"}
    found, said = term.collect(files, expression)
    assert found == {"ann": "ann's"}
    # What begins with ._ is what macOS adds to a file.
    assert said.count("finds no student's id in its name") == (0 if name == "." else 2)


@pytest.mark.parametrize("name", ["bob_\\..\\x.ipynb", "bob_..ipynb", "bob_.x.ipynb", "bob_.ipynb"])
def test_a_file_id_that_leads_elsewhere_is_not_taken(term, name):
    expression = r".*/extracted/(?P<student_id>\w+?)_(?P<file_id>.*?)\.ipynb"
    found, said = term.collect({name: "away", f"ann_{NOTEBOOK}": "ann's"}, expression, loose=True)
    assert found == {"ann": "ann's"}
    assert "finds no usable name" in said


@EXPRESSIONS
def test_a_folder_for_each_student_counts_by_its_own_name(term, expression):
    """As Moodle packs them. What the files in it are called is the students'."""
    files = {
        f"ann_1_file_{CHAPTER}/{NOTEBOOK}": "ann's",
        f"bob_2_file_{CHAPTER}/ann_9_{NOTEBOOK}": "bob's",
        f"cleo_3_file_{CHAPTER}/ann_9_{named('ann', '20991231T000000Z')}": own("ann", "cleo's"),
    }
    found, _ = term.collect(files, expression)
    assert found == {"ann": "ann's", f"bob/ann_9_{NOTEBOOK}": "bob's", "cleo": "cleo's"}


def test_letters_of_any_language_are_an_id(term):
    found, _ = term.collect({f"søren_1_{NOTEBOOK}": "s"}, GUIDES)
    assert found == {"søren": "s"}


@pytest.mark.parametrize("top", ["", "submissions/"])
def test_a_platforms_archive_that_was_packed_again(term, top):
    """Safari unpacks what it loads; Finder packs the folder, and what macOS knows of each file."""
    files: dict[str, Content] = {f"{top}{name}": data for name, data in ANN.items()}
    files |= {f"{top}bob_4712_{NOTEBOOK}": "bob's"}
    files |= {f"__MACOSX/{name.rpartition('/')[0]}/._{name.rpartition('/')[2]}": "x" for name in list(files)}
    assert term.collect(files, GUIDES) == ({"ann": "ann's", "bob": "bob's"}, term.caplog.text)
    assert "left out" not in term.caplog.text


MALLORYS: dict[str, Content] = {
    f"ann_9_{NOTEBOOK}": "mallory's",
    f"ann_9_{named('ann', '20991231T235959Z')}": own("ann", "mallory's"),
    f"ann_9_file_{CHAPTER}/{NOTEBOOK}": "mallory's",
}


@EXPRESSIONS
@pytest.mark.parametrize("again", ["", "mallory_4712_ch04/"])
@pytest.mark.parametrize(
    "name", ["mallory_4712_ch04.zip", "mallory_4712_ch04-containers.zip", "mallory_1.zip"]
)
def test_one_students_archive_beside_the_platforms_gives_nobody_anothers_place(term, expression, name, again):
    """Put there by hand, where a platform's own would be: the names in it are then the student's."""
    late = packed({f"{again}{inside}": data for inside, data in MALLORYS.items()})
    found, said = term.collect({"submissions.zip": packed(ANN), name: late}, expression, loose=True)
    assert {who for who, text in found.items() if "mallory's" in text} <= {
        *("mallory", f"mallory/ann_9_{NOTEBOOK}", f"mallory/ann_9_file_{CHAPTER}/{NOTEBOOK}"),
        *(f"mallory/{again}{inside}" for inside in MALLORYS),
    }
    assert "is left out" in said
    if expression is GUIDES:
        assert found == {"ann": "ann's"}
        assert f"{name.removesuffix('.zip')} is left out: its name has a student's id (mallory)" in said


@EXPRESSIONS
@pytest.mark.parametrize("students", MALLORYS)
def test_of_two_archives_that_may_be_the_platforms_none_is_chosen(term, expression, students):
    files = {"late.zip": packed({students: MALLORYS[students]}), "submissions.zip": packed(ANN)}
    found, said = term.collect(files | {f"x/zoe_1_{NOTEBOOK}": "zoe's"}, expression, loose=True)
    assert found == {"zoe": "zoe's"}
    for one, other in (("late", "submissions"), ("submissions", "late")):
        assert f"{one} is left out: names in it have students' ids, and so have those in {other}." in said


@pytest.mark.parametrize("students", MALLORYS)
def test_the_one_folder_in_a_platforms_archive_is_the_students_who_is_in_it(term, students):
    """With a name that the expression does not read: no reason to look for an id further in."""
    found, said = term.collect({f"Mallory Smith_4712_file/{students}": MALLORYS[students]}, GUIDES)
    assert found == {}
    assert "Mallory Smith_4712_file is left out: c.FileNameCollectorPlugin.named_regexp finds no" in said


@EXPRESSIONS
@pytest.mark.parametrize("students", MALLORYS)
@pytest.mark.parametrize("folder", ["", "submissions/"])
def test_a_folder_for_each_student_that_was_unpacked_by_hand(term, expression, folder, students):
    files = {
        f"{folder}mallory_4712_{CHAPTER}/{students}": MALLORYS[students],
        f"{folder}bob_4713_{CHAPTER}/{NOTEBOOK}": "bob's",
    }
    found, said = term.collect(files, expression, loose=True)
    assert not any(name.startswith("ann") for name in found)
    if expression is GUIDES and not folder:
        assert found == {}
        assert f"bob_4713_{CHAPTER} is left out: its name has a student's id (bob)" in said
    else:
        assert found["bob"] == "bob's"
        assert any(name.startswith("mallory") for name in found)


def test_many_files_take_a_time_that_grows_with_them_and_no_more(term):
    """In one folder of an archive, which every one of them was looked through for."""
    files = [("submissions", "all", f"{number}.txt") for number in range(12_000)]
    app = ZipCollectApp(config=Config({"FileNameCollectorPlugin": {"named_regexp": GUIDES}}))
    app.coursedir = CourseDirectory(parent=app, root=str(term.root))
    app.coursedir.assignment_id = CHAPTER
    app.extractor_plugin_inst = Extractor(parent=app)
    app.extractor_plugin_inst.archives[PurePosixPath("submissions")] = 1
    collector = Collector(parent=app)
    began = time.process_time()
    assert list(collector._submissions(files)) == []
    assert time.process_time() - began < 5


def test_a_students_archive_that_was_packed_again(term):
    """A folder more, or fewer, around the chapter's; what macOS adds; never a student by a folder's name."""
    files = {
        f"ann_1_{named('ann')}": packed(
            {f"ann/{CHAPTER}/{NOTEBOOK}": "a", f"__MACOSX/ann/._{NOTEBOOK}": "x"}
        ),
        f"bob_2_{CHAPTER}.zip": packed({f"{CHAPTER}/{NOTEBOOK}": "b", f"{CHAPTER}/data/x": "b's"}),
        f"cleo_3_{CHAPTER}.zip": packed({NOTEBOOK: "c", "Dockerfile": "c's"}),
        "dora_4_homework.zip": packed({f"Desktop/dora/{CHAPTER}/{NOTEBOOK}": "d"}),
    }
    found, _ = term.collect(files, GUIDES)
    assert found == {
        "ann": "a",
        "bob": "b",
        "bob/data/x": "b's",
        "cleo": "c",
        "cleo/Dockerfile": "c's",
        "dora": "d",
    }


@pytest.mark.parametrize("expression", [GUIDES, ""])
def test_a_chapters_folder_alone_invents_no_student(term, expression):
    files = {f"{CHAPTER}.zip": packed({f"{CHAPTER}/{NOTEBOOK}": "nobody's"})}
    found, said = term.collect(files, expression, loose=True)
    assert found == {}
    assert "is left out" in said


ATTEMPTS = {
    "a platform's numbers": (f"mia_4722_{NOTEBOOK}", f"mia_4799_{NOTEBOOK}"),
    "a longer number": (f"mia_999_{NOTEBOOK}", f"mia_1000_{NOTEBOOK}"),
    "a second upload": (f"mia_4722_{NOTEBOOK}", f"mia_4722_{CHAPTER}-1.ipynb"),
    "a browser's number": (f"mia_4722_{NOTEBOOK}", f"mia_4722_{CHAPTER} (2).ipynb"),
    "two zips": (f"mia_1_{named('mia', '20260105T101010Z')}", f"mia_1_{named('mia', '20260106T101010Z')}"),
    "a notebook, then a zip": (f"mia_1_{NOTEBOOK}", f"mia_2_{named('mia')}"),
}


@EXPRESSIONS
@pytest.mark.parametrize("names", ATTEMPTS.values(), ids=list(ATTEMPTS))
def test_of_two_attempts_the_later_counts_and_the_others_are_collected(term, expression, names):
    first, second = (
        own("mia", said) if name.endswith(".zip") else said
        for name, said in zip(names, ("1", "2"), strict=True)
    )
    found, said = term.collect(
        {**ANN, names[1]: second, names[0]: first, f"zoe_1_{NOTEBOOK}": "zoe's"}, expression
    )
    assert found == {"ann": "ann's", "mia": "2", "zoe": "zoe's"}
    assert f"submissions/{names[0].removesuffix('.zip')} is left out: mia submitted more than once" in said


@pytest.mark.parametrize("sent", ["20261399T999999Z", "20991231T235959Z", "00000000T000000Z"])
@pytest.mark.parametrize(
    "expression", [GUIDES, "", GUIDES.replace("_.*", r"_\d+_.*_(?P<timestamp>\d+T\d+Z)?.*")]
)
def test_an_impossible_time_is_not_used(term, expression, sent):
    files = {f"bob_2_{named('bob', sent)}": own("bob", "bob's"), **ANN}
    found, said = term.collect(files, expression)
    assert (found["ann"], found["bob"]) == ("ann's", "bob's")
    assert "is impossible; it is ignored" in said
    assert "bob/timestamp.txt" not in found


def test_the_platforms_time_goes_before_the_students(term):
    """A name that the student chose, in the future or long ago, neither wins nor dates the work back."""
    expression = (
        r".*/extracted/[^/]+/(?P<student_id>\w+?)_attempt_(?P<timestamp>\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)_"
        r".*(?P<file_id>ch\d\d-[a-z-]+)"
    )
    old = packed(
        {f"bob/{CHAPTER}/{NOTEBOOK}": "old", f"bob/{CHAPTER}/timestamp.txt": "2001-01-01 00:00:00 UTC"}
    )
    files = {
        f"bob_attempt_2026-01-06-10-00-00_{named('bob', '20250101T000000Z')}": own("bob", "new"),
        f"bob_attempt_2026-01-05-10-00-00_{named('bob', '20260901T000000Z')}": old,
        f"kim_attempt_2026-01-06-10-00-00_{named('kim')}": old.replace(b"bob/", b"kim/"),
    }
    found, said = term.collect(files, expression)
    assert found == {
        "bob": "new",
        "kim": "old",
        "bob/timestamp.txt": "2026-01-06 10:00:00",
        "kim/timestamp.txt": "2026-01-06 10:00:00",
    }
    assert "a student cannot set the time of submission" in said


def test_without_the_platforms_time_a_students_name_dates_nothing(term):
    found, _ = term.collect({f"bob_2_{named('bob', '20010101T000000Z')}": own("bob", "bob's")}, GUIDES)
    assert found == {"bob": "bob's"}


def test_without_an_expression_the_zips_own_word_counts(term):
    found, _ = term.collect({named("ann"): own("ann", "ann's")}, "", loose=True)
    assert found == {"ann": "ann's", "ann/timestamp.txt": "2026-01-05 10:10:10"}


def test_a_platforms_archive_that_looks_like_one_students_is_not_mixed_up(term):
    """Its own name has what the expression looks for: then it is one hand-in, and others keep theirs."""
    outer = packed({f"bob_1_{NOTEBOOK}": "bob's", f"ann_2_{NOTEBOOK}": "other"})
    files = {f"cs101_{CHAPTER}.zip": outer, f"ann_4711_{NOTEBOOK}": "ann's"}
    found, _ = term.collect(files, LOOSE, loose=True)
    assert found["ann"] == "ann's"
    assert set(found) <= {"ann", f"cs101/ann_2_{NOTEBOOK}", f"cs101/bob_1_{NOTEBOOK}"}


def test_how_work_came_in_is_kept_out_of_students_reach(tmp_path, caplog):
    files = {f"ann_4711_{SENT}_Ann.zip": own("Ann", "ann's"), f"bob_4712_{SENT}_x.zip": own("bob", "bob's")}
    dated = r".*/(?P<student_id>[\w.-]+?)_\d+_(?P<timestamp>\w+Z)_"
    Class(tmp_path, caplog).collect(files, dated)
    assert received(tmp_path, CHAPTER, "ann") == Received("2026-01-05T10:10:10", "Ann")
    assert received(tmp_path, CHAPTER, "bob") == Received("2026-01-05T10:10:10", "bob")
    assert received(tmp_path, CHAPTER, "cleo") == Received()
