forget("proof")
client.images.pull("hello-world", tag="latest")
proof = client.containers.create("hello-world:latest", name="proof")
proof.start()
lines = proof.logs().decode() if proof.wait(timeout=30) else ""
pull_step = 1 + 1
