"""For each line on standard input, a JSON object {dir, roots, code}, runs the
code in a process of its own, in dir and with roots in front of sys.path, and
prints a JSON object: the files below dir that were loaded, and the error that
the code ended with."""

import json
import os
import sys
import warnings

warnings.simplefilter("ignore")


def execute(case):
    top = case["dir"] + "/"
    os.chdir(top)
    loaded = set()

    def hook(event, args):
        if event == "exec":
            name = getattr(args[0], "co_filename", "")
            if name.startswith(top) and args[0].co_name == "<module>":
                loaded.add(name[len(top) :])

    sys.path[:] = [os.path.normpath(os.path.join(top, r)) for r in case["roots"]] + sys.path[1:]
    sys.addaudithook(hook)
    error = ""
    try:
        exec(compile(case["code"], "<case>", "exec"), {"__name__": "case"})
    except SystemExit as e:
        error = "" if e.code in (None, 0) else f"exit {e.code}"
    except BaseException as e:
        error = f"{type(e).__name__}: {e}"
    for module in list(sys.modules.values()):  # extension modules execute nothing
        name = getattr(module, "__file__", None) or ""
        if isinstance(name, str) and name.startswith(top):
            loaded.add(name[len(top) :])
    return {"loaded": sorted(loaded), "error": error}


sys.dont_write_bytecode = True
for line in sys.stdin:
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        devnull = os.open(os.devnull, os.O_RDWR)
        for fd in 0, 1, 2:
            os.dup2(devnull, fd)
        result = execute(json.loads(line))
        with open(w, "w") as f:
            json.dump(result, f)
        os._exit(0)
    os.close(w)
    with open(r) as f:
        text = f.read()
    os.waitpid(pid, 0)
    print(text or "null", flush=True)
