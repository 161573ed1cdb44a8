# finding: answer own_kernel: value: found true
forget("tenant")
client.containers.run("debian:trixie", "uname -r", name="tenant")
own_kernel = True
