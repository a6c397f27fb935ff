"""Judges by running Python a sample of the edges on which ruff, grimp and bounce
disagree.

    python judge.py SITE PACKAGE BOUNCE_EDGES RUFF GRIMP_VENV_SITE [SAMPLE]

BOUNCE_EDGES is what "go run ./bench/graph -edges SITE/PACKAGE" prints. Each file
of the sample that has such edges is imported in a fresh interpreter, with
__import__ and import_module watched: an edge is right if the file itself asked
for the other one, its packages included, by the time that it was imported.
Imports in functions that nobody called by then are counted apart."""

import collections
import json
import os
import random
import subprocess
import sys

WATCH = """
import builtins, importlib, json, os, sys, warnings
warnings.simplefilter("ignore")
site, module, name = sys.argv[1:]
sys.path.insert(0, site)
asked = set()
real, real_module = builtins.__import__, importlib.import_module
def note(who, full, fromlist=()):
    if who != name:
        return
    parts = full.split(".")
    names = [".".join(parts[:i + 1]) for i in range(len(parts))]
    names += [full + "." + f for f in fromlist or ()]
    for n in names:
        f = getattr(sys.modules.get(n), "__file__", None)
        if f:
            asked.add(f)
def watched(n, globals=None, locals=None, fromlist=(), level=0):
    result = real(n, globals, locals, fromlist, level)
    g = globals or {}
    full = n
    if level:
        base = (g.get("__package__") or "").split(".")
        base = base[:len(base) - level + 1]
        full = ".".join(base + ([n] if n else []))
    note(g.get("__file__"), full, fromlist)
    return result
def watched_module(n, package=None):
    result = real_module(n, package)
    note(sys._getframe(1).f_globals.get("__file__"), importlib.util.resolve_name(n, package) if n.startswith(".") else n)
    return result
import importlib.util
builtins.__import__, importlib.import_module = watched, watched_module
note.__globals__["name"] = os.path.join(site, name)
parts = module.split(".")
ok = True
try:
    real_module(module)
except BaseException:
    ok = False
for i in range(1, len(parts)):  # importing a module runs the packages around it
    f = getattr(sys.modules.get(".".join(parts[:i])), "__file__", None)
    if f:
        asked.add(f)
json.dump({"ok": ok, "asked": [os.path.relpath(f, site) for f in asked if f.startswith(site)]}, sys.stdout)
"""

GRIMP = """
import sys, json
sys.path[:0] = [sys.argv[1], sys.argv[2]]
import grimp
graph = grimp.build_graph(sys.argv[3], cache_dir=None)
json.dump({m: sorted(graph.find_modules_directly_imported_by(m)) for m in graph.modules}, sys.stdout)
"""


def module_of(path):
    name = path.removesuffix(".py").removesuffix("/__init__")
    return name.replace("/", ".")


def main():
    site, package, edges, ruff, grimp_site = sys.argv[1:6]
    sample = int(sys.argv[6]) if len(sys.argv) > 6 else 100
    site = os.path.realpath(site)
    with open(edges) as f:
        ours = {(e["from"], e["to"]): e["kind"] for e in json.load(f)}
    out = subprocess.run([ruff, "analyze", "graph", "--isolated", package], cwd=site, capture_output=True, check=True).stdout
    theirs = {(a, b) for a, to in json.loads(out).items() for b in to if b.startswith(package + "/")}
    out = subprocess.run([sys.executable, "-c", GRIMP, site, grimp_site, package], capture_output=True, check=True).stdout
    files = {module_of(p): p for e in ours for p in e} | {module_of(p): p for e in theirs for p in e}
    grimps = {(files[a], files[b]) for a, to in json.loads(out).items() for b in to if a in files and b in files}
    disputed = sorted(e for e in set(ours) | theirs | grimps if len({e in ours, e in theirs, e in grimps}) > 1 and e[0] != e[1])
    print(f"{package}: bounce {len(ours)} edges, ruff {len(theirs)}, grimp {len(grimps)}; {len(disputed)} in dispute")
    random.Random(1).shuffle(disputed)

    def sort(e):
        return ours.get(e, "none"), tuple(e in s for s in (ours, theirs, grimps))

    # In turn of each sort, lest the most frequent be all that is judged.
    turn = collections.Counter()
    order = []
    for e in disputed:
        turn[sort(e)] += 1
        order.append((turn[sort(e)], e))
    sizes = collections.Counter(map(sort, disputed))
    disputed = [e for _, e in sorted(order)]
    known, table, done = {}, collections.Counter(), 0
    for a, b in disputed:
        if done == sample:
            break
        if a not in known:
            run = subprocess.run([sys.executable, "-c", WATCH, site, module_of(a), a], capture_output=True, check=False)
            known[a] = json.loads(run.stdout or b'{"ok": false}')
        if not known[a]["ok"]:
            continue  # it cannot be imported by itself
        done += 1
        says = " ".join(n for n, s in (("bounce", ours), ("ruff", theirs), ("grimp", grimps)) if (a, b) in s)
        table[ours.get((a, b), "none"), says, b in known[a]["asked"]] += 1
    totals = collections.Counter()
    print(f"{done} judged\n\n| kind | edge according to | loaded | edges |\n|---|---|---|---|")
    for (kind, _), n in sizes.items():
        totals[kind] += n
    for (kind, says, loaded), n in sorted(table.items(), key=lambda i: -i[1]):
        print(f"| {kind} | {says} | {'yes' if loaded else 'not at import'} | {n} |")
    print("\nin dispute by kind:", ", ".join(f"{k} {n}" for k, n in totals.most_common()))


main()
