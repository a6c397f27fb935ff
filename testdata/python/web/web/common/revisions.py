"""The REV of each of our modules, as this process executes it."""

import os
import sys

REV = "00000001"


def report(service):
    found = {
        name: module.REV
        for name, module in sorted(sys.modules.items())
        if name.split(".")[0] == "web" and hasattr(module, "REV")
    }
    return {"service": service, "pid": os.getpid(), "revisions": found}
