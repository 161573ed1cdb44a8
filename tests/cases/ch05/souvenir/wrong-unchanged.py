# finding: file /souvenir.txt: expected there, found nothing
forget("souvenir", image="ada/souvenir:v2")
word = mine.word("souvenir")
!docker run --name souvenir debian:trixie echo {word} '>' /souvenir.txt
!docker commit -m "a souvenir" -a "Ada Lovelace" souvenir ada/souvenir:v2
