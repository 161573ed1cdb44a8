# Twice a second is still about once; the word comes from the environment.
forget("ticker")
loop = "while true; do echo hello $WORD; sleep 0.6; done"
settings = {"WORD": mine.word("ticker")}
client.containers.run("debian:trixie", ["sh", "-c", loop], name="ticker", environment=settings, detach=True)
