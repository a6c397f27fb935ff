"""Writes down all that a process can see of how it was started: two starts are
alike if the texts are. Numbers that no two processes share have other names."""
import os
import sys


def link(path):
    try:
        text = os.readlink(path)
    except OSError as e:
        return type(e).__name__
    for kind in ("pipe", "socket"):
        if text.startswith(kind + ":"):
            return kind
    return text


def stream(s):
    if s is None:
        return None
    buffer = s.buffer
    return {
        "isatty": s.isatty(), "encoding": s.encoding, "errors": s.errors, "newlines": s.newlines,
        "line_buffering": s.line_buffering, "write_through": getattr(s, "write_through", None),
        "buffer": type(buffer).__name__, "block": getattr(getattr(buffer, "raw", buffer), "_blksize", None),
        "fileno": s.fileno(), "name": s.name, "mode": s.mode, "seekable": s.seekable(),
    }


def describe(modules):
    importers = sorted(sys.path_importer_cache)
    import gc
    import locale
    import resource
    import signal
    import threading
    main = sys.modules["__main__"]
    pid = str(os.getpid())
    found = {}

    def note(name, value):
        found[name] = value

    note("argv", sys.argv)
    note("orig_argv", getattr(sys, "orig_argv", None))
    with open("/proc/self/cmdline", "rb") as f:
        note("cmdline", f.read())
    env = {k: "PID" if v == pid else v for k, v in os.environ.items()}
    note("env", dict(sorted(env.items())))  # a shell between has an order of its own
    with open("/proc/self/environ", "rb") as f:
        shown = dict(e.split(b"=", 1) for e in f.read().split(b"\0") if b"=" in e)
    # A shell that tells LISTEN_PID has begun with less than it has ended with.
    note("environ", sorted((k.decode(), "PID" if v == pid.encode() else v.decode()) for k, v in shown.items()) == sorted(env.items()))
    import posix
    note("posix.environ", {k.decode(): "PID" if v == pid.encode() else v.decode() for k, v in posix.environ.items()} == env)
    note("path", sys.path)
    note("main", {k: repr(v) if k in ("__name__", "__file__", "__package__", "__doc__", "__cached__", "__annotations__") else type(v).__name__
                  for k, v in vars(main).items() if k.startswith("__")})
    note("main.spec", getattr(main.__spec__, "name", None))
    note("main.loader", type(main.__loader__).__name__)
    note("main.dict", vars(main) is sys.modules["__main__"].__dict__)
    note("modules", sorted(modules))
    note("flags", repr(sys.flags))
    note("xoptions", repr(sys._xoptions))
    note("warnoptions", sys.warnoptions)
    note("meta_path", [getattr(f, "__name__", type(f).__name__) for f in sys.meta_path])
    note("path_hooks", len(sys.path_hooks))
    note("importers", importers)
    note("hooks", [sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.unraisablehook is sys.__unraisablehook__])
    note("executable", [sys.executable, sys.prefix, sys.exec_prefix, sys.base_prefix])
    frame, depth = sys._getframe(), []
    while frame:
        depth.append([frame.f_code.co_filename, frame.f_code.co_name])
        frame = frame.f_back
    note("frames", depth)
    note("signals", {s.name: repr(signal.getsignal(s)).split(" at 0x")[0] for s in signal.Signals})
    with open("/proc/self/status") as f:
        status = dict(line.rstrip("\n").split(":", 1) for line in f)
    for key in ("Name", "Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt", "CapEff", "CapBnd", "NoNewPrivs",
                "Seccomp", "Threads", "Cpus_allowed"):
        note(key, status.get(key))
    fds = {}
    for n in sorted(map(int, os.listdir("/proc/self/fd"))):
        try:
            fds[n] = [link("/proc/self/fd/%d" % n), os.get_inheritable(n)]
        except OSError:
            pass  # that of the listing
    note("fds", fds)
    note("limits", {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT_")})
    note("cwd", os.getcwd())
    note("ids", [os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.getgroups()])
    note("session", [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid(), link("/dev/tty")])
    note("parent", os.getppid())
    note("nice", os.getpriority(os.PRIO_PROCESS, 0))
    note("affinity", sorted(os.sched_getaffinity(0)))
    note("stdio", [stream(s) for s in (sys.stdin, sys.stdout, sys.stderr)])
    note("gc", [gc.isenabled(), gc.get_threshold(), gc.get_debug()])
    note("locale", locale.setlocale(locale.LC_ALL))
    note("main thread", [threading.current_thread() is threading.main_thread(), threading.active_count()])
    note("recursion", sys.getrecursionlimit())
    note("switch", sys.getswitchinterval())
    with open("/proc/self/task/%s/children" % pid) as f:
        note("children", f.read())
    return found


def write(**more):
    """Writes it to the file that TRANSCRIPT names, with what else is told."""
    order = [n for n in sys.modules if n not in ("__main__", "__mp_main__")]
    found = describe(order)
    found.update(more)
    text = "".join("%s: %r\n" % (k, found[k]) for k in sorted(found))
    with open(os.environ["TRANSCRIPT"] + ".modules", "w") as f:
        for name in order:
            path = getattr(sys.modules.get(name), "__file__", None) or ""
            f.write("%s\t%s\n" % (name, path))
    with open(os.environ["TRANSCRIPT"], "a") as f:
        f.write(text)
