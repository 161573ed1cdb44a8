# finding: file /site/drawer/notes.txt: expected
forget("tidy", image="ada/tidy:1.0")
Path("build/tidy/.dockerignore").write_text("*.key\ndrawer\n")
!docker build -q -t ada/tidy:1.0 build/tidy
!docker run --name tidy ada/tidy:1.0
