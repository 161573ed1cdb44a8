# finding: published port: expected a page with 'Hello world!', found no answer
quitter_code = 0
!docker rm quitter
!docker run -d -P --name quitter training/webapp sleep 1000
