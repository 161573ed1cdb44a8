# finding: answer stall_port: value: found 5000
forget("stall")
!docker run -d -P --name stall training/webapp python app.py
stall_port = 5000
