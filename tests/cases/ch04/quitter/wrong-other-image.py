# finding: image: expected 'training/webapp', found 'httpd'
!docker rm quitter
!docker run -d -p {mine.port("quitter")}:80 --name quitter httpd
