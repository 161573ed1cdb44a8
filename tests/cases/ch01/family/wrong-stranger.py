# finding: container cyd: image: expected 'busybox', found 'debian:trixie'
forget("ada", "bob", "cyd")
for name, image in (("ada", "busybox"), ("bob", "busybox"), ("cyd", "debian:trixie")):
    client.containers.run(image, ["echo", name], name=name)
classes, objects = 1, 3
