# Refused at first, then put right.
forget("postcard")
forget(image="motd")
from pathlib import Path
label = '"labels": ["course=' + mine.word("postcard") + '"]'
Path("daemon.json").write_text('{"registry-mirrors": "http://mirror", ' + label + "}")
try:
    configure("daemon.json")
except Exception as refused:
    print(refused)
Path("daemon.json").write_text('{"registry-mirrors": ["http://mirror"], ' + label + "}")
configure()
client.containers.run("motd", name="postcard")
