# Numbers read off the table and typed in.
!docker images ada/shelf
different = 2
latest_is = f"1.{mine.number('shelf', 2, 9)}"
