# finding: answer latest_is: value: found '2.0'
different = 6
latest_is = "2.0"
