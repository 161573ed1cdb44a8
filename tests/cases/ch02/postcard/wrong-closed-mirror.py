# finding: RegistryConfig.Mirrors
forget("postcard")
forget(image="motd")
import json
from pathlib import Path
options = {"registry-mirrors": ["http://hub-mirror.c.163.com"], "labels": ["course=" + mine.word("postcard")]}
Path("daemon.json").write_text(json.dumps(options))
configure("daemon.json")
client.containers.run("motd", name="postcard")
