# finding: names in estate: expected 'db'
forget("books", "reader", network="estate")
!docker network create estate
!docker run -d --name books --network estate training/webapp python app.py
!docker run -d --name reader --network estate busybox sleep 1000
