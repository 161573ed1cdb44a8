# A network of its own takes nothing away from a published port.
forget("window", network="view")
!docker network create view
!docker run --detach --publish 127.0.0.1:{mine.port("window")}:5000/tcp --network view --name window training/webapp:latest
