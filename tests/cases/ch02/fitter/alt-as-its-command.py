# The container's own command installs, then sleeps. The check must not come before it is done.
import time
forget("fitter")
script = "apt-get update && apt-get install -y --no-install-recommends docker.io && touch /done; sleep infinity"
fitter = client.containers.run("debian:trixie", ["sh", "-c", script], name="fitter", detach=True)
while fitter.exec_run("test -e /done").exit_code:
    time.sleep(0.5)
