# finding: command: expected
forget("tenant")
client.containers.run("debian:trixie", ["echo", client.info()["KernelVersion"]], name="tenant")
own_kernel = False
