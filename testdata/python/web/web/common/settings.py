"""What the environment decides."""

import os
from pathlib import Path

REV = "00000001"

# The database, the broker's messages and the results live here.
DATA = Path(os.environ.get("WEB_DATA", "var")).resolve()
