"""Prints what it has imported of its own, and how it was lent what it was lent."""
import decimal
import json
import os
import signal
import socket
import sys

try:
    import library  # of a test that has one
except ImportError:
    pass
import value

MODULES = [n for n, m in sys.modules.items() if n not in ("__main__", "value")]
with open("modules-" + os.environ["BOUNCE_GENERATION"], "w") as f:
    f.write("\n".join(MODULES))
if "NOTIFY_SOCKET" in os.environ:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        address = os.environ["NOTIFY_SOCKET"]
        s.connect("\0" + address[1:] if address.startswith("@") else address)
        s.send(b"READY=1")
lent = []
if os.environ.get("LISTEN_PID") == str(os.getpid()):
    for fd in range(3, 3 + int(os.environ["LISTEN_FDS"])):
        lent.append(socket.socket(fileno=fd).getsockname()[0])
print("value", value.VALUE, json.dumps(lent), os.getppid() != 1, decimal.Decimal(1), flush=True)
if value.VALUE < 0:
    sys.exit(1)
signal.pause()
