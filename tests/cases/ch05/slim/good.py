forget("slim", image="ada/slim:1.0")
from pathlib import Path
folder = Path("build/slim")
folder.mkdir(parents=True, exist_ok=True)
count = "RUN seq 1 100000 > /tmp/numbers && wc -c < /tmp/numbers > /size.txt && rm /tmp/numbers"
(folder / "Dockerfile").write_text(f'FROM busybox\n{count}\nCMD ["cat", "/size.txt"]\n')
client.images.build(path=str(folder), tag="ada/slim:1.0", rm=True)
client.containers.run("ada/slim:1.0", name="slim")
