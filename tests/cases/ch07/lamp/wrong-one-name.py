# finding: image dockbook/lamp: presence: expected there
!printf 'FROM busybox\nLABEL light=on\n' | docker build -q -t dockbook/lamp:V1 -
