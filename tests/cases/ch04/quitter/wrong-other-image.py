# finding: image: expected 'training/webapp', found 'httpd'
quitter_code = 0
!docker rm quitter
!docker run -d -P --name quitter httpd
