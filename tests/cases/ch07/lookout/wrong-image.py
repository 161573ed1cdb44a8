# finding: image: expected 'sealed', found 'busybox'
forget("lookout")
client.containers.run("busybox", ["echo", "zebra"], name="lookout")
said = !docker run --rm --entrypoint cat sealed /word
found = said[0]
