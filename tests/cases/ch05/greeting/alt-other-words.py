forget("greeting", image="ada/greeting:1.0")
folder = Path("build/greeting")
folder.mkdir(parents=True, exist_ok=True)
(folder / "greeting.txt").write_text(mine.word("greeting"))
(folder / "Dockerfile").write_text("""# lowercase, a shell form, steps apart, a second name for the base
from debian
maintainer Ada
copy greeting.txt /
run apt-get update
run apt-get -y install hello && rm -rf /var/lib/apt/lists/*
workdir /
cmd cat greeting.txt && hello
""")
!docker build -q -t ada/greeting:1.0 build/greeting
!docker run --name greeting ada/greeting:1.0
