# finding: image: expected 'sealed', found 'busybox'
forget("lookout")
client.containers.run("busybox", ["echo", mine.word("lookout")], name="lookout")
found = mine.word("lookout")
