# finding: container oracle: presence: expected there
last_words, complaints = "sum 23", "dirty"
forget("oracle")
