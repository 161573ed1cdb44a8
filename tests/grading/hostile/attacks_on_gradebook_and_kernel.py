"""9 write the gradebook, 10 take the second kernel."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.grading.hostile.attack import Attack

SEEK = """\
import glob, os, sqlite3
roots = [os.getcwd(), os.path.expanduser("~"), "/tmp", "/run", "/var", "/srv", "/home"]
books = []
for root in roots:
    for folder, _, names in os.walk(root):
        books += [os.path.join(folder, name) for name in names if name.endswith((".db", ".sqlite"))]
while os.getcwd() != "/":
    books += [os.path.join(os.getcwd(), name) for name in glob.glob("*.db")]
    os.chdir("..")
"""


def _sql(script: str) -> str:
    return f"""\
{SEEK}
for book in sorted(set(books)):
    try:
        with sqlite3.connect(book, timeout=1) as db:
            db.executescript({script!r})
        print("written", book)
    except sqlite3.Error as error:
        print(book, error)"""


TRIGGER = """\
CREATE TRIGGER more AFTER UPDATE OF auto_score ON grade BEGIN
UPDATE grade SET manual_score = 99, needs_manual_grade = 0 WHERE id = NEW.id; END;
CREATE TRIGGER first AFTER INSERT ON grade BEGIN
UPDATE grade SET manual_score = 99, needs_manual_grade = 0 WHERE id = NEW.id; END;"""


def _gradebook(folder: Path) -> None:
    """A gradebook beside the notebook, where a tool that looks in its own folder finds it."""
    with sqlite3.connect(folder / "gradebook.db") as db:
        db.executescript("CREATE TABLE grade (id, auto_score); INSERT INTO grade VALUES (1, 99);")
    (folder / ".dockbook" / "verdicts").mkdir(parents=True)
    (folder / ".dockbook" / "verdicts" / "x.json").write_text('{"result": {"score": 99}}')


def _config(folder: Path) -> None:
    for name in ("nbgrader_config.py", "nbgrader_config.json", "jupyter_config.py"):
        (folder / name).write_text("c = get_config()\nc.SaveAutoGrades.enabled = False\n1/0\n")
    (folder / "chapters.toml").write_text("[limits]\ncell_s = 1\n")


BOOK = [
    Attack(
        9,
        "a trigger in the gradebook",
        "every point that is written becomes 99, the next student's too",
        _sql(TRIGGER),
        damages=True,
    ),
    Attack(
        9,
        "points written straight away",
        "the score is a row in a file",
        _sql("UPDATE grade SET auto_score = 99, manual_score = 99, needs_manual_grade = 0;"),
        damages=True,
    ),
    Attack(
        9,
        "fewer points to get",
        "a maximum of zero is reached by everybody",
        _sql("UPDATE grade_cells SET max_score = 0; UPDATE base_cell SET name = 'x';"),
        damages=True,
    ),
    Attack(
        9,
        "somebody who writes later",
        "a process that outlives the notebook waits for the scores",
        f"""\
import os, subprocess, sys
later = '''import time
for _ in range(40):
    time.sleep(0.25)
    try:
{"".join("        " + line + chr(10) for line in _sql(TRIGGER).splitlines())}
    except Exception: pass'''
subprocess.Popen([sys.executable, "-c", later], start_new_session=True)""",
        damages=True,
    ),
    Attack(
        9,
        "a gradebook beside the notebook",
        "a tool opens what lies in its working folder",
        files=_gradebook,
    ),
    Attack(
        9,
        "a configuration beside the notebook",
        "nbgrader reads its configuration, which is code, from its working folder",
        files=_config,
    ),
]

SECOND_KERNEL = [
    Attack(
        10,
        "connection files",
        "a second kernel of the same user leaves its key in a file",
        """\
import glob
roots = ("/run", "/tmp", "/home", "/engine", "/var", "/root")
for path in [path for root in roots for path in glob.glob(f"{root}/**/*.json", recursive=True)]:
    try: print(path, open(path).read()[:300])
    except OSError: pass""",
        told=r"inside\.json",
    ),
    Attack(
        10,
        "command lines and environments",
        "a second kernel shows its connection in /proc",
        """\
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("cmdline", "environ"):
        try: print(pid, open(f"/proc/{pid}/{name}").read().replace("\\0", " ")[:600])
        except OSError as error: print(pid, error)""",
        told="ipykernel_launcher",
    ),
    Attack(
        10,
        "a client of its own kernel",
        "requests that the notebook sends itself look as the runner's do",
        """\
import glob, json
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient()
from ipykernel.connect import get_connection_file
client.load_connection_file(get_connection_file())
client.start_channels(hb=False)
for _ in range(50):
    client.execute("total = 42", silent=True)
    client.execute("raise SystemExit", stop_on_error=True)""",
    ),
    Attack(
        10,
        "its sockets unlinked and bound again",
        "whoever holds the path answers the runner",
        """\
import glob, os, socket, threading
def serve(path):
    with socket.socket(socket.AF_UNIX) as fake:
        fake.bind(path)
        fake.listen()
        while True:
            caller = fake.accept()[0]
            caller.sendall(b"\\xff" + bytes(8) + b"\\x7f\\x03\\x00NULL" + bytes(48))
for path in glob.glob("/run/dockbook/kernel/*/s-*"):
    os.unlink(path)
    threading.Thread(target=serve, args=[path], daemon=True).start()""",
        stock="about our own kernels' sockets",
    ),
    Attack(
        10,
        "other kernels' folders",
        "an engine's kernels share a folder",
        """\
import os
for folder, folders, names in os.walk("/run/dockbook"):
    print(folder, folders, names)
    for name in (*folders, *names):
        try: os.rename(os.path.join(folder, name), os.path.join(folder, "x" + name))
        except OSError as error: print(error)""",
        told="/run/dockbook",
        stock="about our own kernels' folders",
    ),
]


ATTACKS = [*BOOK, *SECOND_KERNEL]
