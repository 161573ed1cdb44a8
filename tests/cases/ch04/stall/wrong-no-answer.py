# finding: answer stall_port: value: found none
forget("stall")
!docker run -d -P --name stall training/webapp python app.py
