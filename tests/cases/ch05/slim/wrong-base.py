# finding: base: expected 'busybox', found other layers below
forget("slim", image="ada/slim:1.0")
from pathlib import Path
folder = Path("build/slim")
folder.mkdir(parents=True, exist_ok=True)
(folder / "Dockerfile").write_text(r'''FROM debian:trixie
RUN seq 1 100000 > /numbers \
 && wc -c < /numbers > /size.txt \
 && rm /numbers
CMD ["cat", "/size.txt"]
''')
!docker build -q -t ada/slim:1.0 build/slim
!docker run --name slim ada/slim:1.0
