# finding: publishing all ports: expected yes, found no
forget("stall")
client.containers.run("training/webapp", "python app.py", name="stall", detach=True)
stall_port = 5000
