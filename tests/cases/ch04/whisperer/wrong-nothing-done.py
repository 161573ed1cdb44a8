# finding: does it listen on that port, and on all addresses of the container (0.0.0.0)?
print(client.containers.get("whisperer").logs().decode())
