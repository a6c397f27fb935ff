"""held.py PORT: listens on PORT, and leaves a child in a session of its own that
has the socket too."""
import os
import socket
import sys
import time

s = socket.socket()
try:
    s.bind(("127.0.0.1", int(sys.argv[1])))
except OSError as e:
    print("taken", e, flush=True)
    sys.exit(1)
s.listen()
pid = os.fork()
if pid == 0:
    os.setsid()
    time.sleep(1000)
    os._exit(0)
print("up", pid, flush=True)
time.sleep(1000)
