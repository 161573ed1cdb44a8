# finding: network estate: presence: expected there
forget("books", "reader", network="estate")
!docker run -d --name books training/webapp python app.py
!docker run -d --name reader --link books:db busybox sleep 1000
