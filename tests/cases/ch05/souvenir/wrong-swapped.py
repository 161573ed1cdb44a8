# finding: comment: expected 'a souvenir', found 'Ada Lovelace'
forget("souvenir", image="ada/souvenir:v2")
word = mine.word("souvenir")
!docker run --name souvenir debian:trixie sh -c "echo {word} > /souvenir.txt"
!docker commit -a "a souvenir" -m "Ada Lovelace" souvenir ada/souvenir:v2
