# Found by running them, then typed.
word = mine.word("table")
only_cmd = ["cmd", word]
only_entry = ["entry", f"entry echo {word}"]
both = ["entry cmd", f"entry echo {word}"]
shell_form = ["entry", "entry"]
