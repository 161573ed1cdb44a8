# Enough up to Engine 29.0; from 29.1 on it starts without a network (moby#51758).
in_the_way = client.containers.list(filters={"publish": busy})[0]
holder = in_the_way.name
in_the_way.remove(force=True)
client.containers.get("latecomer").start()
