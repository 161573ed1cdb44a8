# finding: published port: expected a page with 'Hello world!', found no answer
!docker rm quitter
!docker run -d -p {mine.port("quitter")}:5000 --name quitter training/webapp sleep 1000
