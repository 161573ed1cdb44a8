forget("salute-plain", "salute-anna", image="salute")
lines = f'FROM busybox\nCMD ["{mine.word("salute")}"]\nENTRYPOINT ["/bin/echo", "hello"]\n'
with open("Dockerfile.salute", "w") as file: file.write(lines)
!docker build -q -t salute - < Dockerfile.salute
!docker run --name salute-plain salute
!docker run --name salute-anna salute anna
