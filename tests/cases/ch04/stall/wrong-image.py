# finding: image: expected 'training/webapp', found 'httpd'
forget("stall")
stall = client.containers.run("httpd", name="stall", detach=True, publish_all_ports=True)
stall.reload()
stall_port = int(stall.ports["80/tcp"][0]["HostPort"])
