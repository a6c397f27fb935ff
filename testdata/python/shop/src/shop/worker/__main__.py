"""Takes jobs one by one until TERM; a job that was begun is finished."""

import sys
import traceback

from shop import lifecycle, settings, status
from shop.jobs import FileQueue

from .dispatch import HANDLERS

REV = "00000001"


def main():
    stop = lifecycle.Stop()
    queue = FileQueue(settings.DATA / "jobs")
    queue.recover()
    handled = failed = 0
    status.write("worker", handled=handled, failed=failed)
    lifecycle.announce("worker")
    while not stop.wanted:
        job = queue.take()
        if job is None:
            stop.wait(settings.POLL)
            continue
        ticket, kind, body = job
        try:
            HANDLERS[kind](settings.DATA, **body)
            handled += 1
        except Exception:
            failed += 1
            print("worker: %s failed" % ticket.name, file=sys.stderr)
            traceback.print_exc()
        queue.done(ticket)
        status.write("worker", handled=handled, failed=failed)


if __name__ == "__main__":
    sys.exit(main())
