# finding: answer fits: value: found
kernel = client.info()["KernelVersion"]
fits = [one for one in offered if one >= "3.10"]
