# finding: answer arguments: value: found ["/etc/group"]
forget("revived")
program, arguments = "cat", ["/etc/group"]
!docker run --name revived page /etc/group
