# finding: answer latest_is: value: found 'latest'
different = 6
latest_is = "latest"
