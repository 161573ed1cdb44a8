# finding: origin: expected a registry
forget("postcard")
forget(image="motd")
import json
from pathlib import Path
options = {"registry-mirrors": ["http://mirror"], "labels": ["course=" + mine.word("postcard")]}
Path("daemon.json").write_text(json.dumps(options))
configure("daemon.json")
client.images.get("busybox").tag("motd")
client.containers.run("motd", ["echo", "only on the mirror"], name="postcard")
