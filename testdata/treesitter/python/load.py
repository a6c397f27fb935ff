"""For each line on standard input, a JSON object {dir, roots, module, file, run},
loads in a process of its own what it names and prints a JSON list of the files
below dir that were executed. A module is imported, or run as by -m; a file is
run as a script."""

import importlib
import json
import os
import runpy
import sys
import warnings

warnings.simplefilter("ignore")


def load(case):
    top = case["dir"]
    os.chdir(top)
    loaded = []

    def hook(event, args):
        if event == "exec":
            name = getattr(args[0], "co_filename", "")
            if name.endswith(".py"):
                name = os.path.join(top, name)  # of code that was run by a relative path
            if name.startswith(top + "/") and args[0].co_name == "<module>":
                loaded.append(name[len(top) + 1 :])

    sys.path[:] = [os.path.normpath(os.path.join(top, r)) for r in case["roots"]] + sys.path[1:]
    for name in list(sys.modules):  # the driver's own must not hide the tree's
        if "." not in name and os.path.exists(os.path.join(top, name + ".py")):
            del sys.modules[name]
    sys.addaudithook(hook)
    try:
        if case["file"]:
            runpy.run_path(os.path.join(top, case["file"]), run_name="__main__")
        elif case["run"]:
            runpy.run_module(case["module"], run_name="__main__", alter_sys=True)
        else:
            importlib.import_module(case["module"])
    except BaseException as e:
        if os.environ.get("LOAD_DEBUG"):
            print(type(e), e, file=sys.stderr)
    return sorted(set(loaded))


sys.dont_write_bytecode = True
for line in sys.stdin:
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
        result = load(json.loads(line))
        with open(w, "w") as f:
            json.dump(result, f)
        os._exit(0)
    os.close(w)
    with open(r) as f:
        text = f.read()
    os.waitpid(pid, 0)
    print(text or "null", flush=True)
