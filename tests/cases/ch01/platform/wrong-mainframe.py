# finding: answer platform: value: found 'linux/s390x'
forget("native")
client.containers.run("busybox", "uname -m", name="native")
platform = "linux/s390x"
