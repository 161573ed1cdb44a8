# finding: answer fits: value: found
kernel = client.info()["KernelVersion"]
fits = [one for one in offered if int(one.split(".")[0]) >= 3]
