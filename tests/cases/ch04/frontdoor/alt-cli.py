forget("frontdoor")
print("your port:", mine.port("frontdoor"))
!docker run -d -p {mine.port("frontdoor")}:5000 --name frontdoor training/webapp python app.py
