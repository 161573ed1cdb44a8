# finding: answer latest_is: value: found '1.
# What `mine` gives is for other tasks.
different = 6
latest_is = f"1.{mine.number('shelf', 2, 9)}"
