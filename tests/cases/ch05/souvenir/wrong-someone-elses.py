# finding: file /souvenir.txt: expected one with
forget("souvenir", image="ada/souvenir:v2")
!docker run --name souvenir debian:trixie sh -c "echo zebra > /souvenir.txt"
!docker commit -m "a souvenir" -a "Ada Lovelace" souvenir ada/souvenir:v2
