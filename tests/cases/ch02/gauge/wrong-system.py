# finding: answer kernel: value: found 'Debian
kernel = client.info()["OperatingSystem"]
fits = [one for one in offered if [int(part) for part in one.split(".")[:2]] >= [3, 10]]
