name = mine.word("member")
!docker exec fitter useradd --create-home --groups docker $name
