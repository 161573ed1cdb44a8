forget("telegram")
word = mine.word("telegram")
!docker run --name telegram busybox echo $word
created_code = 201
