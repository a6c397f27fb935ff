"""Says what its streams are, and stops in a debugger."""

import signal
import sys

print(f"stdin {sys.stdin.isatty()}, stdout {sys.stdout.isatty()}, stderr {sys.stderr.isatty()}", flush=True)
secret = 42
breakpoint()
print("went on with", secret, flush=True)
signal.pause()
