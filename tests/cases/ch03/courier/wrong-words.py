# finding: command without entry point: expected
forget("courier")
!docker run --name courier hello-world echo "Hello from Docker!"
full_name = "hello-world:latest"
