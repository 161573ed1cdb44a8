# finding: state: expected running
forget("fitter")
script = "apt-get update && apt-get install -y --no-install-recommends docker.io"
client.containers.run("debian:trixie", ["sh", "-c", script], name="fitter")
