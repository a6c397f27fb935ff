"""Run with `python3 -m unittest`; finds the import roots by itself."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ROOTS = [str(PROJECT / root) for root in ("src", "libs")]

sys.path[:0] = [root for root in ROOTS if root not in sys.path]
