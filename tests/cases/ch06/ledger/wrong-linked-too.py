# finding: links: expected none
forget("books", "reader", network="estate")
!docker network create estate
!docker run -d --name books --network estate --network-alias db training/webapp python app.py
!docker run -d --name reader --network estate --link books:db busybox sleep 1000
