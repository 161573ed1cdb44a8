# finding: answer latest_is: value: found '1.1'
different, latest_is = 6, "1.1"
