"""A queue in a directory, for several writers and readers.

A job is a file. It is put by renaming it into `new`, taken by renaming it into
`taken` and removed when it is done; of two readers one wins the rename. What a
dead worker had taken goes back to `new` at the next start.
"""

import json
import os

from corner import clock

from . import kinds

REV = "00000001"


class FileQueue:
    def __init__(self, directory):
        self.new, self.taken = directory / "new", directory / "taken"
        for place in (self.new, self.taken):
            place.mkdir(parents=True, exist_ok=True)

    def put(self, kind, **body):
        if kind not in kinds.KNOWN:
            raise ValueError("no such job: %r" % kind)
        name = "%s-%s.json" % (clock.number(), kind)
        draft = self.new / ("." + name)
        draft.write_text(json.dumps({"kind": kind, "body": body}), encoding="utf-8")
        os.replace(str(draft), str(self.new / name))

    def take(self):
        """The oldest job as (ticket, kind, body), or None."""
        for path in sorted(self.new.glob("[!.]*.json")):
            ticket = self.taken / path.name
            try:
                os.replace(str(path), str(ticket))
            except FileNotFoundError:
                continue  # another worker was faster
            job = json.loads(ticket.read_text(encoding="utf-8"))
            return ticket, job["kind"], job["body"]
        return None

    def done(self, ticket):
        ticket.unlink()

    def recover(self):
        """Give back what a worker that died had taken."""
        for path in self.taken.glob("*.json"):
            os.replace(str(path), str(self.new / path.name))
