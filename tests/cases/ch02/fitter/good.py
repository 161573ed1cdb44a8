forget("fitter")
fitter = client.containers.run("debian:trixie", "sleep infinity", name="fitter", init=True, detach=True)
script = "apt-get update && apt-get install -y --no-install-recommends docker.io"
fitter.exec_run(["sh", "-c", script], environment={"DEBIAN_FRONTEND": "noninteractive"}).exit_code
