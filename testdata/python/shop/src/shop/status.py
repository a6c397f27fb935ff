"""What a service says about itself, over HTTP or in a file."""

import json
import os
from pathlib import Path

from corner import clock

from . import revisions

REV = "00000001"

STARTED = clock.stamp()


def report(service, **more):
    """The service's state as plain data."""
    said = {"service": service, "pid": os.getpid(), "started": STARTED, "revisions": revisions.loaded()}
    said.update(more)
    return said


def write(service, **more):
    """Write the report to $SHOP_STATUS_DIR/SERVICE.json, if that is set.

    A reader sees the old report or the new one, never half of one.
    """
    directory = os.environ.get("SHOP_STATUS_DIR")
    if not directory:
        return
    target = Path(directory, service + ".json")
    draft = target.with_name(".%s.%d" % (target.name, os.getpid()))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft.write_text(json.dumps(report(service, **more), indent=1) + "\n", encoding="utf-8")
    os.replace(str(draft), str(target))
