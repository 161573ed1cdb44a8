# finding: CMD: expected ["cat", "/size.txt"]
forget("slim", image="ada/slim:1.0")
from pathlib import Path
folder = Path("build/slim")
folder.mkdir(parents=True, exist_ok=True)
(folder / "Dockerfile").write_text(r'''FROM busybox
RUN seq 1 100000 > /numbers \
 && wc -c < /numbers > /size.txt \
 && rm /numbers
''')
!docker build -q -t ada/slim:1.0 build/slim
!docker run --name slim ada/slim:1.0
