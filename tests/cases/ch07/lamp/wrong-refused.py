# finding: image dockbook/lamp:V1: presence: expected there
!printf 'FROM busybox\nLABEL light=on\n' | docker build -q -t dockbook/Lamp:V1 -
