port = mine.port("latecomer")
for box in client.containers.list():
    if f"'HostPort': '{port}'" in str(box.ports):
        holder = box.name
!docker stop -t 1 {holder}
!docker rm {holder}
!docker rm latecomer
client.containers.run("training/webapp", name="latecomer", ports={"5000/tcp": port}, detach=True)
