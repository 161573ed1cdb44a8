# finding: found no such user
!docker exec fitter useradd --groups docker student
