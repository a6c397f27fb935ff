"""flood.py MEGABYTES: writes that much in lines and ends."""
import sys

line = b"x" * 999 + b"\n"
out = sys.stdout.buffer
for _ in range(int(sys.argv[1]) * 1000):
    out.write(line)
out.flush()
