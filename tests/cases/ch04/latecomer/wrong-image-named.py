# finding: answer holder: value: found 'httpd'
in_the_way = client.containers.list(filters={"publish": busy})[0]
holder = "httpd"
in_the_way.remove(force=True)
client.containers.get("latecomer").start()
