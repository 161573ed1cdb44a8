# A shell with an open input lasts too, and apt's other front end installs as well.
forget("fitter")
fitter = client.containers.create("debian:latest", "bash", name="fitter", stdin_open=True, tty=True)
fitter.start()
fitter.exec_run("apt update")
fitter.exec_run("apt install --yes --no-install-recommends docker.io")
