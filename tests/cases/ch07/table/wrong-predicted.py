# finding: answer only_entry: value: found
# What one may think: words always replace the command.
word = mine.word("table")
only_cmd, only_entry = ["cmd", word], ["entry", word]
both, shell_form = ["entry cmd", f"entry echo {word}"], ["entry", "entry"]
