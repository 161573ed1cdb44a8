# finding: state: expected running, found exited
forget("stall")
stall = client.containers.run("training/webapp", "python", name="stall", detach=True, publish_all_ports=True)
stall.wait(timeout=30)
stall_port = 32768
