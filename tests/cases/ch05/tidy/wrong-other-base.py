# finding: base: expected 'busybox', found other layers below
forget("tidy", image="ada/tidy:1.0")
Path("build/tidy/.dockerignore").write_text("**/*.key")
Path("build/tidy/Dockerfile").write_text('FROM debian:trixie\nCOPY . /site\nCMD ["ls", "-AR", "/site"]\n')
!docker build -q -t ada/tidy:1.0 build/tidy
client.containers.run("ada/tidy:1.0", name="tidy")
