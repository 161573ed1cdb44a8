text = !echo $long_name | sed 's|/| |; s|\(.*\):|\1 |'
registry, repository, tag = text[0].split()
completed = "docker.io/library/" + short_name + ":latest"
