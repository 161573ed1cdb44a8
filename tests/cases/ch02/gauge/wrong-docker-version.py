# finding: answer kernel: value: found
kernel = client.version()["Version"]
fits = [one for one in offered if [int(part) for part in one.split(".")[:2]] >= [3, 10]]
