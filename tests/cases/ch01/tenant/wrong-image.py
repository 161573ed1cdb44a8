# finding: image: expected 'debian:trixie', found 'busybox'
forget("tenant")
client.containers.run("busybox", "uname -r", name="tenant")
own_kernel = False
