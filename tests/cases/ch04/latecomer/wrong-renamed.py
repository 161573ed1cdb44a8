# finding: image: expected 'training/webapp', found 'httpd'
in_the_way = client.containers.list(filters={"publish": busy})[0]
holder = in_the_way.name
!docker rm latecomer
!docker rename {holder} latecomer
