# finding: answer holder: value: found 'latecomer'
forget(client.containers.list(filters={"publish": busy})[0].name)
client.containers.get("latecomer").remove()
client.containers.run("training/webapp", name="latecomer", ports={"5000/tcp": busy}, detach=True)
holder = client.containers.list(filters={"publish": busy})[0].name
