forget("postcard")
forget(image="motd")
from pathlib import Path
text = """{
  "labels": ["course=WORD"],
  "registry-mirrors": ["http://mirror/"]
}"""
Path("daemon.json").write_text(text.replace("WORD", mine.word("postcard")))
configure("daemon.json")
!docker pull motd
!docker run --name postcard motd
