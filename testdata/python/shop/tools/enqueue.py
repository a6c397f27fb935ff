#!/usr/bin/env python3
"""Put a job into the queue by hand: PYTHONPATH=src:libs tools/enqueue.py low-stock skus='["MUG-01"]'"""

import json
import sys

from shop import settings
from shop.jobs import FileQueue

REV = "00000001"


def main(kind, *pairs):
    body = {name: json.loads(value) for name, _, value in (pair.partition("=") for pair in pairs)}
    FileQueue(settings.DATA / "jobs").put(kind, **body)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
