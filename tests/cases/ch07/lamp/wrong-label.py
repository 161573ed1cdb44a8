# finding: label light: expected 'on', found 'off'
!printf 'FROM busybox\nLABEL light=off\n' | docker build -q -t dockbook/lamp:V1 -t dockbook/lamp -
