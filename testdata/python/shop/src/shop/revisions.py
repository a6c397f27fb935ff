"""Which revision of our modules this process executes.

Every module carries a REV. It is read from the module object, never from the
file: the file says what the next process will run.
"""

import sys

REV = "00000001"

OURS = ("shop", "corner")


def loaded():
    """The REV of each of our modules that is loaded, by module name."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name == "__main__":
            spec = getattr(module, "__spec__", None)
            name = spec.name if spec else name
        if name.split(".")[0] in OURS and hasattr(module, "REV"):
            found[name] = module.REV
    return dict(sorted(found.items()))
