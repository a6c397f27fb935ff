"""Prints the sockets that it is lent, and its descriptors."""
import os
import signal
import socket

print("pid", os.environ["LISTEN_PID"] == str(os.getpid()))
print("names", os.environ["LISTEN_FDNAMES"])
sockets = []
for fd in range(3, 3 + int(os.environ["LISTEN_FDS"])):
    s = socket.socket(fileno=fd)
    sockets.append(s)
    print("socket", fd, s.family.name, s.getsockname(), os.get_blocking(fd), s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    os.set_blocking(fd, False)
fds = os.listdir("/proc/self/fd")  # with the one that lists them
print("fds", *sorted(fd for fd in fds if os.path.exists("/proc/self/fd/" + fd)))
print("up", flush=True)
while True:
    signal.pause()
