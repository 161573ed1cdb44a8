forget("shouter")
mine_own = """
import socketserver
class Loud(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(self.request[0].decode().upper().encode(), self.client_address)
socketserver.UDPServer(("0.0.0.0", 5000), Loud).serve_forever()
"""
box = client.containers.create("training/webapp", ["python3", "-c", mine_own], name="shouter",
                               ports={"5000/udp": ("127.0.0.1", mine.port("shouter"))})
box.start()
