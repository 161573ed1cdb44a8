# finding: answer only_cmd: value: found
word = "hello"
only_cmd, only_entry = ["cmd", word], ["entry", f"entry echo {word}"]
both, shell_form = ["entry cmd", f"entry echo {word}"], ["entry", "entry"]
