# finding: file /site/drawer/old.key: expected nothing, found something
# A pattern without a folder is compared with the context's root alone.
forget("tidy", image="ada/tidy:1.0")
Path("build/tidy/.dockerignore").write_text("*.key")
!docker build -q -t ada/tidy:1.0 build/tidy
!docker run --name tidy ada/tidy:1.0
