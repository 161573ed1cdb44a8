# finding: command: expected ["sleep", "1000"], found ["sh", "-c", "exit 143"]
forget("polite")
!docker run --name polite busybox sh -c "exit 143"
