kernel = client.info()["KernelVersion"]
fits = [one for one in offered if [int(part) for part in one.split(".")[:2]] >= [3, 10]]
