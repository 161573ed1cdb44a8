forget("slim", image="ada/slim:1.0")
from pathlib import Path
folder = Path("build/slim")
folder.mkdir(parents=True, exist_ok=True)
(folder / "Dockerfile").write_text(r'''FROM busybox AS counting
RUN seq 1 100000 > /numbers
RUN wc -c < /numbers > /size.txt
FROM busybox
LABEL stage=last
COPY --from=counting /size.txt /size.txt
CMD ["cat", "/size.txt"]
''')
client.images.build(path="build/slim", tag="ada/slim:1.0")
client.containers.run("ada/slim:1.0", name="slim", detach=True)
