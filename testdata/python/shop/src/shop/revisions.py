"""Which revision of our modules this process executes.

Every module carries a REV. It is read from the module object, never from the
file: the file says what the next process will run.
"""

import sys

REV = "00000001"


def loaded():
    """The REV of each module that is loaded and has one, by module name."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name == "__main__":
            spec = getattr(module, "__spec__", None)
            name = spec.name if spec else name
        if isinstance(getattr(module, "REV", None), str):
            found[name] = module.REV
    return dict(sorted(found.items()))
