# A run pulls as well; the text asks not to, and no harm is done.
forget("once", image="httpd")
client.containers.run("httpd", ["true"], name="once", remove=True)
announces, official = "80/tcp", ["busybox", "httpd"]
