# finding: container oracle: presence: expected there
last_words, complaints = "sum 23", "scale is dirty"
forget("oracle")
