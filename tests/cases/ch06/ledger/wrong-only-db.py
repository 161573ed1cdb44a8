# finding: container books: presence: expected there
forget("books", "reader", "db", network="estate")
!docker network create estate
!docker run -d --name db --network estate training/webapp python app.py
!docker run -d --name reader --network estate busybox sleep 1000
