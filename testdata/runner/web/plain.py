"""Serves with nothing but the socket that it is lent; ends when told to, after
the request at hand."""
import os
import signal
import socket

GENERATION = os.environ["BOUNCE_GENERATION"].encode()
assert os.environ["LISTEN_PID"] == str(os.getpid()), os.environ["LISTEN_PID"]
assert os.environ["LISTEN_FDS"] == "1"
ending = False


def end(*_):
    global ending
    ending = True


signal.signal(signal.SIGTERM, end)
server = socket.fromfd(3, socket.AF_INET, socket.SOCK_STREAM)
server.settimeout(0.05)
print("up", flush=True)
while not ending:
    try:
        conn, _ = server.accept()
    except TimeoutError:
        continue
    with conn:
        conn.settimeout(5)
        conn.recv(65536)
        conn.sendall(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nX-Generation: %s\r\nContent-Length: %d\r\n\r\n%s"
            % (GENERATION, len(GENERATION), GENERATION)
        )
