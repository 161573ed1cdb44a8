# finding: image: expected 'debian:trixie'
forget("fitter")
client.containers.run("busybox", "sleep 1000", name="fitter", init=True, detach=True)
