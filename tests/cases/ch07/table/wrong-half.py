# finding: answer both: value: found none
word = mine.word("table")
only_cmd, only_entry = ["cmd", word], ["entry", f"entry echo {word}"]
