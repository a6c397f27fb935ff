"""What the environment decides, read once at start."""

import os
from pathlib import Path

REV = "00000001"

HOST = os.environ.get("HOST", "127.0.0.1")
PORT = int(os.environ.get("PORT", "8000"))

# Orders, jobs and sent mail live here; it is not under version control.
DATA = Path(os.environ.get("SHOP_DATA", "var"))

# Seconds between two looks of the worker at its queue, and between two ticks
# of the scheduler.
POLL = float(os.environ.get("SHOP_POLL", "0.2"))
TICK = float(os.environ.get("SHOP_TICK", "1.0"))
