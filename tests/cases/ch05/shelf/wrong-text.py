# finding: The value is right, its type is not
different = "2"
latest_is = f"1.{mine.number('shelf', 2, 9)}"
