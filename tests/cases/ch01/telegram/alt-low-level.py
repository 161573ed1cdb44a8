# docker-py's own level below: the same two requests.
forget("telegram")
client.api.create_container("busybox", ["echo", mine.word("telegram")], name="telegram")
reply = client.api._post(client.api._url("/containers/telegram/start"))
client.api.wait("telegram", timeout=30)
created_code = reply.status_code - 3
