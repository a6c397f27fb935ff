"""When what is due, as arithmetic on seconds."""

REV = "00000001"


class Timetable:
    """Jobs that repeat every so many seconds, first one period after start.

    A clock that jumped makes a job due once, not once for each period missed.
    """

    def __init__(self, now, entries):
        self._entries = [[now + every, every, job] for every, job in entries]

    def due(self, now):
        found = []
        for entry in self._entries:
            at, every, job = entry
            if at <= now:
                found.append(job)
                entry[0] = now + every
        return found
