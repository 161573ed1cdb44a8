# finding: A tag is a second name for one image
!printf 'FROM busybox\nLABEL light=on\n' | docker build -q -t dockbook/lamp:V1 -
!docker tag busybox dockbook/lamp
