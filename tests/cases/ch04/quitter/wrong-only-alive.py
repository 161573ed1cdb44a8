# finding: answer on port 5000
quitter_code = 0
!docker rm quitter
!docker run -d -P --name quitter training/webapp sleep 1000
