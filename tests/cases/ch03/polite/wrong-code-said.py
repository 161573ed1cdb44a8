# finding: command: expected ["sleep", "1371"], found ["sh", "-c", "exit 143"]
forget("polite")
!docker run --name polite busybox sh -c "exit 143"
