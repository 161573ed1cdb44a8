# Read from `docker logs oracle`, and typed.
!docker logs oracle
last_words, complaints = "sum 27", "scale halva is dirty"
