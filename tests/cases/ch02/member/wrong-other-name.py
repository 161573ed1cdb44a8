# finding: file /etc/passwd
!docker exec fitter useradd --groups docker student
