# The whole cell twice: it does not remove what it has made.
scene("latecomer")
!docker run -d --name latecomer -p {busy}:5000 training/webapp python app.py
in_the_way = client.containers.list(filters={"publish": busy})[0]
holder = in_the_way.name
in_the_way.remove(force=True)
client.containers.get("latecomer").remove()
options = {"name": "latecomer", "ports": {"5000/tcp": busy}, "detach": True}
client.containers.run("training/webapp", "python app.py", **options)
scene("latecomer")
!docker run -d --name latecomer -p {busy}:5000 training/webapp python app.py
in_the_way = client.containers.list(filters={"publish": busy})[0]
holder = in_the_way.name
in_the_way.remove(force=True)
client.containers.get("latecomer").remove()
options = {"name": "latecomer", "ports": {"5000/tcp": busy}, "detach": True}
client.containers.run("training/webapp", "python app.py", **options)
