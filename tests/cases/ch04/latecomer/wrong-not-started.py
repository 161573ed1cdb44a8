# finding: state: expected running, found created
in_the_way = client.containers.list(filters={"publish": busy})[0]
holder = in_the_way.name
in_the_way.remove(force=True)
