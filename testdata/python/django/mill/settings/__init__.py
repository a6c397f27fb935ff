"""What every process runs with. MILL_SETTINGS=production turns debugging off."""

import os

from .base import *

if os.environ.get("MILL_SETTINGS") == "production":
    from .production import *
else:
    from .development import *
