forget("lookout")
said = client.containers.run("sealed", ["/word"], entrypoint="cat", name="lookout")
found = said.decode().strip()
