# finding: label light: expected set
!docker tag busybox dockbook/lamp:V1
!docker tag busybox dockbook/lamp
