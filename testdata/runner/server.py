"""server.py PORT DELAY STATUS: after DELAY seconds, answers HTTP on the port
with STATUS."""
import http.server
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[3]))
        self.end_headers()

    def log_message(self, *args):
        pass


time.sleep(float(sys.argv[2]))
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
