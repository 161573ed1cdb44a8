# finding: found no published port
forget("window")
!docker run -d --name window --expose {mine.port("window")} training/webapp python app.py
