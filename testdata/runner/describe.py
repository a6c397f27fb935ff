"""Prints what a command gets: descriptors, session, variables."""
import os
import time

fds = os.listdir("/proc/self/fd")  # with the one that lists them
print("fds", *sorted(fd for fd in fds if os.path.exists("/proc/self/fd/" + fd)))
print("stdin", os.readlink("/proc/self/fd/0"))
print("pid", os.getpid(), "session", os.getsid(0), "group", os.getpgid(0))
for name, value in sorted(os.environ.items()):
    if name.startswith("BOUNCE_"):
        print(name + "=" + value)
print("up", flush=True)
time.sleep(1000)
