# finding: answer latest_is: value: found 'latest'
different = 2
latest_is = "latest"
