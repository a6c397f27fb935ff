"""Claims about the JSON on standard input: claim.py [-l] EXPRESSION...

Each expression speaks of x, the value; with -l of the list of the values that
the lines are. The first that is false ends the program with exit code 1.
"""

import json
import sys

text = sys.stdin.read()
claims = sys.argv[1:]
if claims[0] == "-l":
    claims = claims[1:]
    x = [json.loads(line) for line in text.splitlines()]
else:
    x = json.loads(text)
for claim in claims:
    if not eval(claim, {"x": x}):
        sys.exit(f"not so: {claim}\nof: {text}")
