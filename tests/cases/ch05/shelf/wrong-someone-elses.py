# finding: answer latest_is: value: found '1.1'
different, latest_is = 2, "1.1"
