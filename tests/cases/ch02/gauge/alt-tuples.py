def key(release):
    major, minor = release.split(".")[:2]
    return int(major), int(minor)
kernel = client.version()["KernelVersion"]
fits = [one for one in sorted(offered, reverse=True) if key(one) >= (3, 10)]
