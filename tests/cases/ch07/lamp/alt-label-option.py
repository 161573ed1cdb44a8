# The label may come from the build command, and the tag latest may be said.
import io
forget(image=["dockbook/lamp:V1", "dockbook/lamp"])
client.images.build(fileobj=io.BytesIO(b"FROM busybox"), tag="dockbook/lamp", labels={"light": "on"}, rm=True)
!docker tag dockbook/lamp:latest docker.io/dockbook/lamp:V1
