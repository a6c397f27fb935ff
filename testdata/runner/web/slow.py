"""Takes a second to answer, and ends at once when it is told to."""
import http.server
import os
import socket
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("slow", flush=True)
        time.sleep(1)
        body = os.environ["BOUNCE_GENERATION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        self.socket.close()
        self.socket = socket.socket(fileno=3)

    def server_activate(self):
        print("up", flush=True)


Server(("", 0), Handler).serve_forever()
