# finding: Bytes become text with `.decode()`
forget("lookout")
found = client.containers.run("sealed", ["/word"], entrypoint="cat", name="lookout")
