# finding: answer: expected HTTP 200, found none
!docker restart -t 1 whisperer
