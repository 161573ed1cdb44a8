try:
    client.containers.create("busybox", "sleep 1000", name="star")
except docker.errors.APIError as error:
    conflict = error.status_code
client.api.rename("star", "understudy")
box = client.containers.create("busybox", "sleep 1000", name="star")
box.start()
