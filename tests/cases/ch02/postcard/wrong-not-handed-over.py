# finding: RegistryConfig.Mirrors
forget("postcard")
forget(image="motd")
import json
from pathlib import Path
options = {"registry-mirrors": ["http://mirror"], "labels": ["course=" + mine.word("postcard")]}
Path("daemon.json").write_text(json.dumps(options))
client.containers.run("motd", name="postcard")
