forget("books", "reader", network="estate")
!docker network create --driver bridge estate
!docker run -d --net estate --name reader busybox sleep 1000
!docker run -d --net estate --net-alias db --name books training/webapp
