# finding: answer own_kernel: value: found 0
forget("tenant")
client.containers.run("debian:trixie", "uname -r", name="tenant")
own_kernel = 0
