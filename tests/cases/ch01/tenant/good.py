forget("tenant")
client.containers.run("debian:trixie", "uname -r", name="tenant")
own_kernel = False
