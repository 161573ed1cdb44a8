forget(image=["dockbook/lamp:V1", "dockbook/lamp"])
!printf 'FROM busybox\nLABEL light=on\n' | docker build -q -t dockbook/lamp:V1 -t dockbook/lamp -
