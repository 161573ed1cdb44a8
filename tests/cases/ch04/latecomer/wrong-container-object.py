# finding: answer holder: value: expected plain data
holder = client.containers.list(filters={"publish": busy})[0]
holder.remove(force=True)
client.containers.get("latecomer").remove()
client.containers.run("training/webapp", name="latecomer", ports={"5000/tcp": busy}, detach=True)
