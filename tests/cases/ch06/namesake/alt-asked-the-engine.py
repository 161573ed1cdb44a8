try:
    client.containers.create("busybox", "sleep 1000", name="star")
except docker.errors.APIError as error:
    print(error.explanation)
client.api.rename("star", "understudy")
box = client.containers.create("busybox", "sleep 1000", name="star")
box.start()
