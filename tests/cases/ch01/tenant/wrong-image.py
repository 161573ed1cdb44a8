# finding: image: expected 'debian:trixie', found 'busybox'
forget("tenant")
client.containers.run("busybox", "uname -n -r", name="tenant", hostname=mine.word("tenant"))
