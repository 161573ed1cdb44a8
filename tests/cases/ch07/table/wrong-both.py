# finding: answer both: value: found
word = mine.word("table")
only_cmd, only_entry = ["cmd", word], ["entry", f"entry echo {word}"]
both, shell_form = ["entry cmd", f"entry cmd echo {word}"], ["entry", "entry"]
