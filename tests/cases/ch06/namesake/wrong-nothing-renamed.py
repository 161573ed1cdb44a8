# finding: expected ["sleep", "1000"], found ["sleep", "2000"]
conflict = 409
