# finding: answer platform: value: found 'linux/s390x'
platform = "linux/s390x"
suits = True
