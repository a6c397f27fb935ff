"""Starting and stopping, the same for every service."""

import os
import select
import signal
import sys

from . import revisions

REV = "00000001"


class Stop:
    """Turns TERM and INT into the end of a wait.

    The signal writes to a pipe and wait() selects on it, so a signal between
    two waits is not lost and one during a wait ends it at once. An Event
    would not do: setting it from a handler can deadlock with its own wait.
    """

    def __init__(self):
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write)
        self.wanted = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    def _handle(self, number, frame):
        self.wanted = True

    def wait(self, seconds=None):
        """Wait for a signal, at most this long; say whether one came."""
        if not self.wanted:
            select.select([self._read], [], [], seconds)
        return self.wanted


def announce(service, *modules):
    """Say on one line that a service runs, and what it runs."""
    loaded = revisions.loaded()
    told = " ".join("%s=%s" % (name, loaded.get(name, "-")) for name in modules)
    print("%s started, pid %d, running %s" % (service, os.getpid(), told))
    sys.stdout.flush()
