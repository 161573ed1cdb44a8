# finding: image: expected 'training/webapp', found 'httpd'
forget("window")
door = {"5000/tcp": ("127.0.0.1", mine.port("window"))}
client.containers.run("httpd", ["httpd", "-f", "-p", "5000"], name="window", ports=door, detach=True)
