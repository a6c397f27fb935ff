"""Run smart-restart's main once for each run of a JSON list on standard input
and print the list with what came of it.

A run has Dir, Args and Stdin; Code, Stdout and Stderr are added.
"""

import io
import json
import os
import sys

from smart_restart import decider
from smart_restart.cli import main


def text(data=b""):
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")


runs = json.load(sys.stdin)
out = sys.stdout
for run in runs:
    os.chdir(run["Dir"])
    sys.stdin = text(run["Stdin"].encode())
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    run["Code"] = main(run["Args"] or [])
    run["Stdout"], run["Stderr"] = sys.stdout.getvalue(), sys.stderr.getvalue()
    decider._REGEX_CACHE.clear()
sys.stdout = out
json.dump(runs, sys.stdout)
