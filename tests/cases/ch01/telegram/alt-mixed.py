forget("telegram")
word = mine.word("telegram")
!docker create --name telegram busybox:latest echo {word}
client.containers.get("telegram").start()
lines = !docker ps -a --no-trunc --quiet --filter name=telegram
telegram_id = lines[0]
