# finding: ports: expected
holder = client.containers.list(filters={"publish": busy})[0].name
client.containers.get(holder).remove(force=True)
!docker rm latecomer
!docker run -d -P --name latecomer training/webapp
