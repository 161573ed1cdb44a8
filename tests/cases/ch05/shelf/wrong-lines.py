# finding: answer different: value: found 3
different = 3
latest_is = f"1.{mine.number('shelf', 2, 9)}"
