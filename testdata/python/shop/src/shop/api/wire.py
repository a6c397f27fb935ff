"""HTTP on the outside, Routes.answer on the inside."""

import json
import socketserver
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

REV = "00000001"

LARGEST_BODY = 64 * 1024


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer("GET", None)

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            self._send(413, {"error": "at most %d bytes" % LARGEST_BODY})
            return
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError as error:
            self._send(400, {"error": "not JSON: %s" % error})
            return
        self._answer("POST", body)

    def _answer(self, method, body):
        url = urlsplit(self.path)
        self._send(*self.server.routes.answer(method, url.path, dict(parse_qsl(url.query)), body))

    def _send(self, status, data):
        text, kind = (data, "application/xml") if isinstance(data, str) else (json.dumps(data), "application/json")
        payload = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_request(self, code="-", size="-"):
        pass  # one line a request is too much at a terminal


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address, routes):
        self.routes = routes
        super().__init__(address, Handler)

    def server_bind(self):
        # HTTPServer asks the name service for the host's name here, which
        # takes seconds on a machine without a network.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]
