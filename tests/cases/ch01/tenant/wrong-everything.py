# finding: command: expected
forget("tenant")
client.containers.run("debian:trixie", "uname -a", name="tenant")
own_kernel = False
