forget("stall")
!docker run -d -P --name stall training/webapp python app.py
said = !docker port stall 5000
stall_port = int(said[0].split(":")[-1])
