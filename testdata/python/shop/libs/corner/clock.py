"""Time and numbers made of it. This part of the namespace package is shared by all our projects."""

import itertools
import os
import time
from datetime import datetime, timezone

REV = "00000001"

_count = itertools.count()


def stamp():
    """Now, in UTC, as ISO 8601 with microseconds."""
    return datetime.now(timezone.utc).isoformat()


def today():
    return stamp()[:10]


def seconds():
    """Seconds of a clock that never goes back."""
    return time.monotonic()


def number():
    """A name for a new thing: sorts by time, differs between processes."""
    return "%015x%05x%04x" % (time.time_ns() // 1000, os.getpid() & 0xFFFFF, next(_count) & 0xFFFF)
