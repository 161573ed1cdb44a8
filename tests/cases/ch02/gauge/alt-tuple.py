kernel = client.info()["KernelVersion"]
fits = tuple(one for one in offered if tuple(map(int, one.split(".")[:2])) >= (3, 10))
