# finding: container revived: image: expected 'page', found 'busybox'
forget("revived")
program, arguments = "cat", ["cat", "/" + mine.word("autopsy")]
!docker run --name revived busybox cat /etc/passwd
