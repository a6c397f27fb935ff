"""Says which of the modules named on the command line this interpreter finds.

Read from -c. Nothing is imported: the finder of sys.path is asked, and below a
package with an __init__ everything may be found, since only running it would
tell. The answer is a NUL-ended 0 or 1 for each name, between markers.
"""

import sys

if sys.path[:1] == [""]:
    del sys.path[0]  # -c puts it there

import os
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

MARK = b"\0bounce looks for modules\0"


def finds(name):
    path = None
    parts = name.split(".")
    for n in range(len(parts)):
        full = ".".join(parts[: n + 1])
        spec = n == 0 and (BuiltinImporter.find_spec(full) or FrozenImporter.find_spec(full))
        spec = spec or PathFinder.find_spec(full, path)
        if spec is None:
            return False
        if spec.submodule_search_locations is None or spec.origin not in (None, "namespace"):
            return True
        path = list(spec.submodule_search_locations)
    return True


output = MARK + b"".join(b"1\0" if finds(name) else b"0\0" for name in sys.argv[1:]) + MARK
while output:
    output = output[os.write(1, output) :]
os._exit(0)
