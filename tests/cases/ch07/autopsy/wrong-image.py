# finding: container revived: image: expected 'page', found 'busybox'
forget("revived")
program, arguments = "cat", ["cat", "/etc/group"]
!docker run --name revived busybox cat /etc/group
