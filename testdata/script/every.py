"""Edits every file of the project that a service has loaded, and looks whether
its processes then run what was written.

    every.py SERVICE [--skip PATH]...

What is loaded is asked of the processes by another way than bounce does: the
watching/sitecustomize.py of the script has each of them write down its modules
and the REV that each was executed with. An edit sets REV in a file.

The edits are made on a state directory that is new: before a process has told
anything, when it has told, and when another agent has come. Then one module is
deleted and made anew. Without BOUNCE_SOAK it is a few files each, not all.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time

PATIENCE = 60
SERVICE = sys.argv[1]
ALL = os.environ.get("BOUNCE_SOAK")
SKIP = [p for o, p in zip(sys.argv, sys.argv[1:]) if o == "--skip"]
revision = 0


def bounce(*words):
    return subprocess.run(("bounce",) + words, capture_output=True, text=True)


def generation():
    status = bounce("status", "--json")
    if status.returncode != 0:
        return 0
    for s in json.loads(status.stdout)["services"]:
        if s["name"] == SERVICE:
            return s["generation"]


def loaded(at_least):
    """What the processes of the newest generation say, once all agree on one."""
    found = {}
    for name in glob.glob("watching/out/*.json"):
        try:
            with open(name) as f:
                said = json.load(f)
        except (OSError, ValueError):
            continue
        if said["generation"] >= at_least:
            for path, rev in said["files"].items():
                found.setdefault(path, set()).add(rev)
    return found


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    print("agent:", open("agent.log").read()[-3000:])
    print(bounce("status", "-v").stdout)
    sys.exit("missed: " + what)


def edit(path):
    global revision
    revision += 1
    with open(path) as f:
        lines = [line for line in f if not line.startswith("REV = ")]
    # A program does not come to its end.
    lines.insert(0 if any("__main__" in line for line in lines) else len(lines), "REV = %d\n" % revision)
    with open(path + ".new~", "w") as f:
        f.write("".join(lines))
    os.replace(path + ".new~", path)


def runs(path):
    def now():
        return loaded(generation()).get(path) == {revision}

    return now


def begin():
    shutil.rmtree("watching/out", ignore_errors=True)
    os.mkdir("watching/out")
    log = open("agent.log", "w")
    return subprocess.Popen(["bounce", "up"], stdout=log, stderr=subprocess.STDOUT)


def end(agent):
    agent.send_signal(signal.SIGINT)
    agent.wait(PATIENCE)


def settled():
    """The files that are loaded, when no more come."""
    was = None
    for _ in range(int(PATIENCE / 0.5)):
        found = sorted(p for p in loaded(generation()) if p not in SKIP)
        if found and found == was:
            return found
        was = found
        time.sleep(0.5)
    sys.exit("nothing comes to rest")


def some(files, number):
    return files if ALL else files[:: -(-len(files) // number)]


def sweep(files, when):
    for path in files:
        edit(path)
        if bounce("sync").returncode != 0:
            sys.exit("%s edited %s: %s" % (path, when, bounce("status").stdout))
        until("%s edited %s" % (path, when), runs(path))


def main():
    agent = begin()
    until("the start", lambda: bounce("sync").returncode == 0)
    files = settled()
    end(agent)
    print(len(files), "files are loaded")

    for path in some(files, 2):
        shutil.rmtree(os.environ["XDG_STATE_HOME"])
        agent = begin()
        until("the start", lambda: generation() == 1)
        edit(path)
        until("%s edited before anything was told" % path, runs(path))
        end(agent)

    shutil.rmtree(os.environ["XDG_STATE_HOME"])
    agent = begin()
    until("the start", lambda: bounce("sync").returncode == 0)
    settled()
    sweep(some(files, 5), "when it was told")
    end(agent)

    agent = begin()
    until("the start", lambda: bounce("sync").returncode == 0)
    sweep(some(files, 3), "under another agent")

    path = files[-1]
    shutil.copy(path, "agent.kept~")
    os.remove(path)
    bounce("sync")
    os.rename("agent.kept~", path)
    edit(path)
    bounce("sync")
    until("%s made anew" % path, runs(path))
    settled()
    sweep([path], "when it was made anew")
    end(agent)


main()
