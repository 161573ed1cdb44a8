# finding: presence: expected gone, found one that is exited
in_the_way = client.containers.list(filters={"publish": busy})[0]
holder = in_the_way.name
in_the_way.stop(timeout=1)
client.containers.get("latecomer").remove()
client.containers.run("training/webapp", name="latecomer", ports={"5000/tcp": busy}, detach=True)
