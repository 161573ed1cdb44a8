"""A web application as small as it can be: says hello on port 5000, or on the port named by PORT."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        provider = os.environ.get("PROVIDER", "world")
        body = f"Hello {provider}!".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# As process 1 of a container Python would ignore the SIGTERM of `docker stop`.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

port = int(os.environ.get("PORT", "5000"))
print(f" * Running on http://0.0.0.0:{port}/ (press CTRL+C to quit)", flush=True)
ThreadingHTTPServer(("0.0.0.0", port), Hello).serve_forever()
