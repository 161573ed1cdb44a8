user = mine.word("named")
!docker tag ada/greeting:1.0 ada/greeting:stable
!docker image tag ada/greeting:stable {user}/greeting:1.0
registry = "registry.example.com:5000"
tag = "2.1"
