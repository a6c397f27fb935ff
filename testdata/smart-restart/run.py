"""Run smart-restart's main once for each run of a JSON list on standard input
and print the list with what came of it.

A run has Dir, Args and Stdin; Code, Stdout and Stderr are added, and Traceback
where it raised what it does not catch: the exit code is 1 then, as Python's.
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
    run["Traceback"] = ""
    try:
        run["Code"] = main(run["Args"] or [])
    except SystemExit as end:
        run["Code"] = end.code
    except Exception as error:
        run["Code"], run["Traceback"] = 1, f"{type(error).__name__}: {error}"
    run["Stdout"], run["Stderr"] = sys.stdout.getvalue(), sys.stderr.getvalue()
    decider._REGEX_CACHE.clear()
sys.stdout = out
json.dump(runs, sys.stdout)
