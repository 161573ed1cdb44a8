forget("postcard")
forget(image="motd")
print("your label: course=" + mine.word("postcard"))
import json
from pathlib import Path
options = {"registry-mirrors": ["http://mirror"], "labels": ["course=" + mine.word("postcard")]}
Path("daemon.json").write_text(json.dumps(options))
configure("daemon.json")
client.containers.run("motd", name="postcard")
