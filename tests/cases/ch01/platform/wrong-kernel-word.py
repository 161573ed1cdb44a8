# finding: answer platform: value: found
info = client.info()
platform = info["OSType"] + "/" + info["Architecture"]
suits = True
