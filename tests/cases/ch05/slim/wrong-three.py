# finding: layers: expected 1 on top of 'busybox', found 3 layers more
forget("slim", image="ada/slim:1.0")
from pathlib import Path
folder = Path("build/slim")
folder.mkdir(parents=True, exist_ok=True)
(folder / "Dockerfile").write_text(r'''FROM busybox
RUN seq 1 100000 > /numbers
RUN wc -c < /numbers > /size.txt
RUN rm /numbers
CMD ["cat", "/size.txt"]
''')
!docker build -q -t ada/slim:1.0 build/slim
!docker run --name slim ada/slim:1.0
