# finding: command without entry point
import json
from pathlib import Path
options = {"registry-mirrors": ["http://mirror"], "labels": ["course=" + mine.word("postcard")]}
Path("daemon.json").write_text(json.dumps(options))
configure("daemon.json")
client.containers.run("motd", ["echo", "only on the mirror"], name="postcard")
