"""Serves the API until TERM."""

import sys
import threading

from shop import lifecycle, settings, status

from .routes import Routes
from .wire import Server

REV = "00000001"


def main():
    stop = lifecycle.Stop()
    server = Server((settings.HOST, settings.PORT), Routes(settings.DATA))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    status.write("api", port=server.server_port)
    lifecycle.announce("api")
    stop.wait()
    # Requests run on daemon threads, which end with the process.
    server.server_close()


if __name__ == "__main__":
    sys.exit(main())
