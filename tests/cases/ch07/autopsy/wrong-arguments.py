# finding: answer arguments: value: found ["/solinda"]
forget("revived")
program, arguments = "cat", ["/" + mine.word("autopsy")]
!docker run --name revived page /{mine.word("autopsy")}
