# Each list as `!` gives it: IPython's own list of lines.
word = mine.word("table")
only_cmd = !docker run --rm outcome-cmd; docker run --rm outcome-cmd echo $word
only_entry = !docker run --rm outcome-entry; docker run --rm outcome-entry echo $word
both = !docker run --rm outcome-both; docker run --rm outcome-both echo $word
shell_form = !docker run --rm outcome-shell; docker run --rm outcome-shell echo $word
