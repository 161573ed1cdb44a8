# finding: answer holder: value: found 'httpd'
in_the_way = client.containers.list(filters={"publish": busy})[0]
holder = "httpd"
in_the_way.remove(force=True)
client.containers.get("latecomer").remove()
client.containers.run("training/webapp", name="latecomer", ports={"5000/tcp": busy}, detach=True)
