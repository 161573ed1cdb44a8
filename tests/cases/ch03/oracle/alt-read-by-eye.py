!docker logs oracle
last_words, complaints = "sum 23", "scale is dirty"
