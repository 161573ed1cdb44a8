# finding: container reader: state: expected running, found exited
forget("books", "reader", network="estate")
!docker network create estate
!docker run -d --name books --network estate --network-alias db training/webapp python app.py
!docker run --name reader --network estate busybox sh -c "exit 0"
