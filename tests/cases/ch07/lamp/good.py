forget(image=["dockbook/lamp:V1", "dockbook/lamp"])
import io
recipe = io.BytesIO(b"FROM busybox\nLABEL light=on")
image = client.images.build(fileobj=recipe, tag="Dockbook/Lamp".lower() + ":V1", rm=True)[0]
image.tag("dockbook/lamp")
