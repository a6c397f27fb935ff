"""Starting and stopping, the same for every service."""

import os
import select
import signal
import sys
from collections import Counter

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


def announce(service):
    """Say on one line that a service runs, and what it runs: the revision that
    most of its modules have, and each module that has another."""
    loaded = revisions.loaded()
    most, count = Counter(loaded.values()).most_common(1)[0]
    others = ["%s=%s" % pair for pair in loaded.items() if pair[1] != most]
    said = ", ".join(["%d modules at %s" % (count, most)] + others)
    print("%s started, pid %d, %s" % (service, os.getpid(), said))
    sys.stdout.flush()
