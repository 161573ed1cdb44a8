# Two requests over the socket, as the side road shows: docker-py's own level below.
forget("telegram")
made = client.api.create_container("busybox", ["echo", mine.word("telegram")], name="telegram")
client.api._post(client.api._url("/containers/telegram/start"))
client.api.wait("telegram", timeout=30)
telegram_id = made["Id"][:12]
