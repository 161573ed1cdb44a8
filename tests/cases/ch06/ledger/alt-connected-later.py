# A container may join when it already runs.
forget("books", "reader", network="estate")
!docker run -d --name books training/webapp
!docker run -d --name reader busybox sleep 1000
!docker network create estate
!docker network connect --alias db estate books
!docker network connect estate reader
