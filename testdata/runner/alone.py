"""alone.py LOCK: says "overlap" if another one holds the lock; takes a moment
to stop."""
import fcntl
import signal
import sys
import time

lock = open(sys.argv[1], "a")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    print("overlap", flush=True)


def stop(*_):
    time.sleep(0.02)
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
while True:
    time.sleep(1000)
