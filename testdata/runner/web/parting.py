"""Takes its time to begin and to end: BOOT and LINGER seconds. It goes on with
what it has when it is told to end, and takes nothing new."""
import os
import signal
import socket
import sys
import time

GENERATION = os.environ["BOUNCE_GENERATION"].encode()


def end(*_):
    server.close()
    time.sleep(float(os.environ["LINGER"]))
    sys.exit(0)


time.sleep(float(os.environ["BOOT"]))
server = socket.socket(fileno=3)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True:
    conn, _ = server.accept()
    with conn:
        conn.recv(65536)
        conn.sendall(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nX-Generation: %s\r\nContent-Length: %d\r\n\r\n%s"
            % (GENERATION, len(GENERATION), GENERATION)
        )
