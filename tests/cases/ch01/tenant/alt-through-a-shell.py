forget("tenant")
box = client.containers.create("debian:latest", ["sh", "-c", "uname -r"], name="tenant")
box.start()
box.wait(timeout=30)
own_kernel = box.logs().decode().strip() != client.info()["KernelVersion"]
