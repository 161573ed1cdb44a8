# finding: container tidy: file /site/drawer/back/older.key
forget("tidy", image="ada/tidy:1.0")
Path("build/tidy/.dockerignore").write_text("secret.key\ndrawer/old.key\n")
!docker build -q -t ada/tidy:1.0 build/tidy
client.containers.run("ada/tidy:1.0", name="tidy")
