"""The worker, Celery: `celery -A web.tasks worker`.

The broker is a directory, so that no server has to run beside it.
"""

import json
import os
from pathlib import Path

from celery import Celery
from celery.signals import worker_ready

from web.common import revisions, settings

REV = "00000001"

QUEUE = settings.DATA / "queue"
RESULTS = settings.DATA / "results"
for place in (QUEUE, RESULTS):
    place.mkdir(parents=True, exist_ok=True)

app = Celery(
    "web",
    broker="filesystem://",
    backend=RESULTS.as_uri(),
    include=["web.tasks.digest"],
    broker_transport_options={
        # One directory for both ends: what a client sends is what we take.
        "data_folder_in": str(QUEUE),
        "data_folder_out": str(QUEUE),
        "control_folder": str(settings.DATA / "control"),
        "polling_interval": 0.1,
    },
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
)


@app.task
def version():
    """What the worker runs, for a client that asks."""
    return revisions.report("tasks")


@worker_ready.connect
def write_status(**_):
    """Write $WEB_STATUS_DIR/tasks.json, if that is set, once tasks are taken."""
    directory = os.environ.get("WEB_STATUS_DIR")
    if not directory:
        return
    target = Path(directory, "tasks.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(".tasks.json.%d" % os.getpid())
    draft.write_text(json.dumps(revisions.report("tasks")), encoding="utf-8")
    os.replace(str(draft), str(target))
