# finding: expected what was sent, in capital letters, found 'POLLY WANTS A CRACKER'
# It says the same whatever it hears.
forget("shouter")
door = {"5000/udp": ("127.0.0.1", mine.port("shouter"))}
parrot = program.replace("sendto(words,", "sendto(b'POLLY WANTS A CRACKER',")
client.containers.run("training/webapp", ["python", "-c", parrot], name="shouter", ports=door, detach=True)
