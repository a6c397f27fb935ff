"""The parent of warm starts.

An interpreter imports this file as its sitecustomize, so with the command of a
service given, before the first line of that. It loads libraries, and waits. For
each order it forks a child, in which this file has done its work: it steps aside,
and the interpreter goes on with the command as it always does. So argv, __main__,
sys.path, exit codes and tracebacks of a child are CPython's own, and nothing of
this file is below its frames.

It is for CPython 3.8 and later on Linux. What it imports beyond what every start
has imported is taken out of a child again.
"""

import genericpath
import os
import stat
import sys

# The descriptor of the socket to the one who gives orders, and of how many
# descriptors that a child is lent from 3 on the numbers are to stay free.
ORDERS, LENT = "BOUNCE_WARM", "BOUNCE_WARM_LENT"
# What the process is called in lists, so that it is not taken for the service.
TITLE = b"bounce-warm"

INSTALLED = ("site-packages", "dist-packages")

# Modules that note, as they are imported, what sys.path leads to. Here it does not
# lead to the project.
NOTING = ("pkg_resources",)

# How far the times of files lag behind the clock, in nanoseconds, and then some.
COARSE = 20 * 1000 * 1000


class Refusal(Exception):
    """Why nothing can be forked from this process, nor from another one like it."""


class Failure(Refusal):
    """Why nothing can be forked from this process alone."""


def words(message):
    """The verb of a message, and its lists."""
    verb, rest = message.split(b"\0", 1)
    fields = rest.split(b"\0")[:-1]
    lists, at = [], 0
    while at < len(fields):
        n = int(fields[at])
        lists.append(fields[at + 1:at + 1 + n])
        at += 1 + n
    return verb, lists


def message(verb, *lists):
    out = [verb]
    for one in lists:
        out.append(b"%d" % len(one))
        out.extend(one)
    return b"\0".join(out) + b"\0"


def own(path, roots):
    """Whether a file is the project's own."""
    if not path.startswith("/"):
        return False
    if installed(path):
        path = os.path.realpath(path)  # a link may lead from there into the project
        if installed(path):
            return False
    for prefix in (sys.prefix, sys.base_prefix):
        if path.startswith(prefix.rstrip("/") + "/lib"):
            return False
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def installed(path):
    return any(part in INSTALLED for part in path.split("/"))


def linked(directories, roots):
    """The names of modules of the project to which directories have links."""
    found = set()
    for directory in directories:
        try:
            with os.scandir(directory) as entries:
                links = [entry.name for entry in entries if entry.is_symlink()]
        except OSError:
            continue  # or an archive
        found.update(name.partition(".")[0] for name in links if own(directory + "/" + name, roots))
    return found


def shadowers(directories):
    """The names of modules that directories have, each with its file."""
    found = {}
    for directory in directories:
        try:
            names = os.listdir(directory or ".")
        except OSError:
            continue
        for name in names:
            path = directory + "/" + name
            stem, dot, suffix = name.partition(".")
            if not dot and os.path.exists(path + "/__init__.py"):
                found.setdefault(name, path + "/__init__.py")
            elif suffix in ("py", "pyc") or suffix.endswith("so"):
                found.setdefault(stem, path)
    return found


class Guard:
    """A finder in front of all others that knows what must not be loaded here."""

    def __init__(self, banned, own, before):
        self.banned, self.own, self.hit = banned, own - before, ""

    def find_spec(self, name, path=None, target=None):
        if name in self.banned or name in self.own:
            self.hit = self.hit or name
            raise ModuleNotFoundError("No module named %r" % name, name=name)
        return None


class Witness:
    """Sees what imports open and list. It is an audit hook, which nothing can take
    away again: after the imports it does nothing."""

    def __init__(self, roots, names):
        self.roots, self.names = roots, names
        self.seeing = False
        self.name = ""  # what is being imported
        self.read = {}  # the files and directories, as they were before that
        self.project = {}  # modules that ask for a file of the project, and which
        self.asked = {}  # of what files they ask whether they are there, and what was
        sys.addaudithook(self.see)

    def see(self, event, args):
        if not self.seeing or event not in ("open", "os.listdir", "os.scandir"):
            return
        if event != "open" and sys._getframe(1).f_code.co_filename.startswith("<frozen importlib"):
            return  # which looks for a module, and is judged by what it finds
        try:
            path = os.path.abspath("." if args[0] is None else os.fsdecode(args[0]))
        except (TypeError, ValueError, OSError):
            return  # a descriptor, or what nothing can be opened by
        if path.startswith(("/dev/", "/proc/", "/sys/")) or ".pyc" in os.path.basename(path):
            return
        if own(path, self.roots):
            self.project.setdefault(self.asking(), path)
            return
        flags = args[2] if event == "open" else 0
        made = flags & (os.O_EXCL | os.O_TRUNC) or flags & os.O_ACCMODE == os.O_WRONLY
        if not made and path not in self.read:
            self.read[path] = stamp(path)

    def begin(self):
        genericpath.os, self.seeing = Asking(self), True  # no module keeps that os

    def end(self):
        genericpath.os, self.seeing = os, False

    def asking(self):
        """The module that is being imported, the innermost one."""
        frame = sys._getframe()
        while frame:
            name = frame.f_globals.get("__name__")
            if frame.f_code.co_name == "<module>" and name in self.names:
                return name
            frame = frame.f_back
        return self.name


class Asking:
    """The os module, as os.path.exists and its like see it during imports: calls of
    stat are seen by no audit hook."""

    def __init__(self, witness):
        self.witness = witness

    def __getattr__(self, name):
        return getattr(os, name)

    def stat(self, path, *args, **kwargs):
        try:
            at = os.path.abspath(os.fsdecode(path))
            if not at.startswith(("/dev/", "/proc/", "/sys/")):
                self.witness.asked.setdefault(at, kind(at))
        except (TypeError, ValueError, OSError):
            pass  # a descriptor, or what cannot be a file
        return os.stat(path, *args, **kwargs)


class Environ(dict):
    """What os.environ has, during imports: tells who uses what. A key of None stands
    for all."""

    def __init__(self, data, use):
        dict.__init__(self, data)
        self.use = use

    def __getitem__(self, key):
        self.use(key)
        return dict.__getitem__(self, key)

    def __contains__(self, key):
        self.use(key)
        return dict.__contains__(self, key)

    def __setitem__(self, key, value):
        self.use(key)
        dict.__setitem__(self, key, value)

    def __delitem__(self, key):
        self.use(key)
        dict.__delitem__(self, key)

    def __iter__(self):
        self.use(None)
        return dict.__iter__(self)

    def __len__(self):
        self.use(None)
        return dict.__len__(self)


class Changes:
    """Knows of variables that the service changes before it imports something, and
    which modules have used one of them. What code in C asks for is not seen; it is
    known by the name among its constants."""

    def __init__(self, keys, asking):
        self.keys, self.asking = keys, asking
        self.used = {}  # by module
        self.data = os.environ._data
        self.mapped = mapped() if keys else {}

    def begin(self):
        if self.keys:
            os.environ._data = os.environb._data = Environ(self.data, self.use)

    def end(self):
        if os.environ._data is not self.data:
            now = dict(dict.items(os.environ._data))
            os.environ._data = os.environb._data = self.data
            self.data.clear()
            self.data.update(now)

    def use(self, key):
        if key is None:
            why = "it uses the whole environment, and the service changes %s" % os.fsdecode(min(self.keys))
        elif key in self.keys:
            why = "it uses %s, which the service changes" % os.fsdecode(key)
        else:
            return
        self.used.setdefault(self.asking(), why)

    def linked(self, name, added):
        """Looks into what was mapped for extension modules."""
        if not self.keys or not any(file_of(sys.modules.get(n)).endswith(".so") for n in added):
            return
        now = mapped()
        for path in now.keys() - self.mapped.keys():
            key = mentioned(path, now[path], self.keys)
            if key:
                self.used.setdefault(name, "%s names %s, which the service changes" % (path, os.fsdecode(key)))
        self.mapped = now


def mapped():
    """The files with code that are mapped, each with the parts that have its
    constants, as offsets and sizes. Those are the parts that can only be read; where
    the linker has put them beside the code, that too. What is not mapped, such as
    what a debugger wants, has the letters of any short word somewhere."""
    found = {}
    with open("/proc/self/maps") as f:
        for line in f:
            fields = line.rstrip("\n").split(None, 5)
            if len(fields) == 6 and fields[5].startswith("/"):
                start, end = (int(at, 16) for at in fields[0].split("-"))
                found.setdefault(fields[5], []).append((int(fields[2], 16), end - start, fields[1]))
    files = {}
    for path, parts in found.items():
        if any("x" in mode for _, _, mode in parts):
            beside = any("x" in mode for offset, _, mode in parts if offset == 0)
            files[path] = [part[:2] for part in parts if part[2][:2] == "r-" and (beside or "x" not in part[2])]
    return files


def mentioned(path, parts, keys):
    """The first of some variables whose name is in parts of a file; None for none. A
    short word is part of many, and counts only as a string by itself."""
    text = b""
    try:
        with open(path, "rb") as f:
            for offset, size in parts:
                f.seek(offset)
                text += f.read(size)
    except OSError:
        return None
    for key in sorted(keys):
        if (key if b"_" in key or len(key) > 7 else b"\0" + key + b"\0") in text:
            return key
    return None


def rewrite(env):
    """Makes env, a list of b"KEY=value", the environment, in the order given."""
    import posix
    os.environ.clear()
    posix.environ.clear()
    for entry in env:
        key, _, value = entry.partition(b"=")
        if key:
            os.environb[key] = value
            posix.environ[key] = value


def publish(env):
    """Writes env where /proc shows it, and others look for marks."""
    _, _, start, end = areas()
    text = b"".join(entry + b"\0" for entry in env)
    if len(text) > end - start:
        raise Refusal("the environment has grown by more than there is room for")
    memory(start, end, text)


def memory(start, end, text):
    """Writes to this process's own memory, zeros behind the text."""
    mem = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        os.pwrite(mem, text.ljust(end - start, b"\0"), start)
    finally:
        os.close(mem)


def areas():
    """Where the kernel has put the arguments and the environment."""
    with open("/proc/self/stat", "rb") as f:
        fields = f.read().rpartition(b")")[2].split()
    return [int(field) for field in fields[45:49]]  # arg_start, arg_end, env_start, env_end


def entitle(name, words):
    """Has lists of processes show a name, and a command line."""
    with open("/proc/self/comm", "wb", 0) as f:
        f.write(name)
    start, end, _, _ = areas()
    memory(start, end, words[:end - start])


def descriptors():
    """The open descriptors, and what each is."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink("/proc/self/fd/" + name)
        except OSError:
            continue  # that of the list itself
    return found


def harmless(fd, what):
    """Whether a descriptor that an import has opened can be shared: of a device
    that is only read. Where a file is read next would be shared too."""
    if not what.startswith("/dev/") or not stat.S_ISCHR(os.fstat(fd).st_mode):
        return False
    with open("/proc/self/fdinfo/%d" % fd) as f:
        for line in f:
            if line.startswith("flags:"):
                return int(line.split()[1], 8) & os.O_ACCMODE == os.O_RDONLY
    return False


def shared():
    """The writable memory that a fork does not copy, as a semaphore is."""
    with open("/proc/self/maps") as f:
        return {line for line in f if line.split()[1][1::2] == "ws"}


def threads():
    return len(os.listdir("/proc/self/task"))


def alone(sleep):
    """Whether one thread is left. The pools of some libraries end before a fork,
    and begin again when they are needed: so one fork is tried."""
    if threads() == 1:
        return True
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    for _ in range(20):
        if threads() == 1:
            return True
        sleep(0.005)  # one that was joined may be listed a moment longer
    return False


class Parent:
    def __init__(self, number, lent):
        self.before = set(sys.modules)
        import _socket
        import fcntl
        import gc
        import time
        self.socket, self.gc, self.sleep, self.now = _socket, gc, time.sleep, time.time_ns
        self.fcntl = fcntl
        self.ours = set(sys.modules) - self.before
        self.names = set()
        # High up and out of the way, so that what imports open gets the numbers
        # that it gets at any start.
        for high in (1000, 250, 60):
            try:
                os.dup2(number, high, inheritable=False)
                break
            except OSError:
                continue
        else:
            raise Refusal("it may have too few descriptors")
        os.close(number)
        null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        for n in range(3, 3 + lent):
            if n != null:
                os.dup2(null, n, inheritable=False)
        if null >= 3 + lent:
            os.close(null)
        self.orders = _socket.socket(fileno=high)
        with open("/proc/self/comm", "rb") as f:
            self.name = f.read().rstrip(b"\n")
        with open("/proc/self/cmdline", "rb") as f:
            self.command = f.read()
        entitle(TITLE, TITLE)
        self.lent = lent

    def tell(self, verb, *lists):
        self.orders.send(message(verb, *lists))

    def receive(self):
        """The next order, with descriptors; None when there will be none."""
        data, about, flags, _ = self.orders.recvmsg(
            1 << 20, self.socket.CMSG_SPACE(4 * 250), self.socket.MSG_CMSG_CLOEXEC)
        fds = []
        for level, kind, payload in about:
            if level == self.socket.SOL_SOCKET and kind == self.socket.SCM_RIGHTS:
                payload = payload[:len(payload) - len(payload) % 4]
                fds.extend(int.from_bytes(payload[i:i + 4], sys.byteorder) for i in range(0, len(payload), 4))
        if not data:
            return None, [], fds
        if flags & (self.socket.MSG_TRUNC | self.socket.MSG_CTRUNC):
            raise Refusal("an order was cut")
        verb, lists = words(data)
        return verb, lists, fds

    def mortal(self, so):
        """Has the kernel end this process as soon as nobody gives orders, also in
        the middle of an import that does not end."""
        f, number = self.fcntl, self.orders.fileno()
        f.fcntl(number, f.F_SETOWN, os.getpid())
        flags = f.fcntl(number, f.F_GETFL)
        f.fcntl(number, f.F_SETFL, flags | os.O_ASYNC if so else flags & ~os.O_ASYNC)
        try:
            if so and not self.orders.recv(1, self.socket.MSG_PEEK | self.socket.MSG_DONTWAIT):
                os._exit(0)  # nobody did any more
        except BlockingIOError:
            pass

    def load(self, names, banned, roots, first, hooks, changed, finders):
        """Imports modules in the order given, and nothing else. What cannot be
        is told: then this process has served its purpose."""
        fit()
        customized(hooks)
        self.sleep(COARSE / 1e9)  # so that what was written before is older than what is not
        begun = self.now() - COARSE
        self.names = set(names)
        path = list(sys.path)
        theirs = [entry for entry in path if not own(entry, roots)]
        found = {place: offers(place) for place in theirs}
        self.first = first + [entry for entry in path if own(entry, roots)]
        guard = Guard(set(banned).union(NOTING), linked(theirs, roots).union(shadowers(self.first)), self.before)
        witness = Witness(roots, self.names)
        changes = Changes({os.fsencode(key) for key in changed}, witness.asking)
        sys.path[:] = theirs
        expected, bad = self.names | self.before | self.ours | {"__mp_main__"}, []
        for name in self.names.intersection(NOTING):
            bad += [name, "it notes where modules are, and is to see those of the project"]
        sys.meta_path.insert(0, guard)
        opened, mapped = descriptors(), shared()
        seen, cwd, env = list(sys.path), os.getcwd(), dict(os.environb)
        self.mortal(True)
        witness.begin()
        changes.begin()
        try:
            for name in names:
                if name in sys.modules or name in guard.banned:
                    continue
                guard.hit, witness.name, known = "", name, set(sys.modules)
                why = ""
                try:
                    __import__(name)
                except BaseException as e:
                    if not phantom(e, name, known) or guard.hit:
                        why = "%s: %s" % (type(e).__name__, e)
                added = [n for n in sys.modules if n not in known]
                if guard.hit:
                    why = "it asks for " + guard.hit if guard.hit != name else "it is the project's own"
                if sys.path != seen:
                    why = "it changes sys.path"
                    sys.path[:] = seen
                if os.getcwd() != cwd:
                    why = "it changes the working directory"
                    os.chdir(cwd)
                now = dict(dict.items(os.environ._data))
                for key, value in env.items():
                    if now.get(key) != value:
                        why = "it changes %s in the environment" % os.fsdecode(key)
                        os.environb[key] = value
                changes.linked(name, added)
                if guard not in sys.meta_path:
                    raise Refusal("an import has replaced sys.meta_path")
                for n in added:
                    if own(file_of(sys.modules.get(n)), roots):
                        why = "it loads %s, which is the project's own" % n
                    elif n not in expected:
                        why = "it loads %s, which the service did not" % n
                if why:
                    bad += [name, why]
        finally:
            changes.end()
            witness.end()
            self.mortal(False)
            if guard in sys.meta_path:
                sys.meta_path.remove(guard)
            sys.path[:] = path
        for name, asked in witness.project.items():
            if name not in bad[::2]:
                bad += [name, "it asks for %s, a file of the project" % asked]
        for name, why in changes.used.items():
            if name not in bad[::2]:
                bad += [name, why]
        self.tops = set(n.partition(".")[0] for n in sys.modules if n not in self.before)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        if bad:
            self.tell(b"bad", [w.encode("utf-8", "backslashreplace") for w in bad])
            return
        there = {title(finder) for finder in sys.meta_path + sys.path_hooks}
        for finder in finders:
            if finder not in there and finder.partition(".")[0] not in NOTING:
                raise Refusal("the service has modules found by %s, which may make others of what it imports" % finder)
        for fd, what in descriptors().items():
            if fd not in opened and not harmless(fd, what):
                raise Refusal("an import has left %s open" % what)
        if shared() - mapped:
            raise Refusal("an import has left memory that its children would share, such as a lock of multiprocessing")
        try:
            with open("/proc/self/task/%d/children" % os.getpid()) as f:
                if f.read().strip():
                    raise Refusal("an import has left a process running")
        except OSError:
            pass  # a kernel that does not list them
        if not alone(self.sleep):
            more = threads() - 1
            raise Refusal("an import has left %d thread%s running" % (more, "s" * (more > 1)))
        # This file was there before, if only just, and stays as it is: its place has
        # its content in its name.
        self.files = {path: stamp(path) for path in files_of(sys.modules) if path != __file__}
        changed = [path for path in self.files if not settled(path, begun)]
        changed += [path for path, st in witness.read.items() if stamp(path) != st or st and not settled(path, begun)]
        # Where imports have looked for modules, below packages too.
        looked = {archive(place) for place in sys.path_importer_cache if place not in found and not own(place, roots)}
        self.places = {place: (stamp(place), offers(place)) for place in looked.union(theirs)}
        changed += [place for place, was in found.items() if self.places[place][1] != was]
        changed += [place for place in looked if stamp(place) and not settled(place, begun)]
        if changed:
            raise Failure("%s was changed while it was loaded" % changed[0])
        self.files.update(witness.read)
        self.asked = witness.asked
        for place in theirs:
            if installed(place):
                self.files.update((pth, stamp(pth)) for pth in lines_of(place))
        self.added = {key: value for key, value in os.environb.items() if key not in env}
        self.gc.freeze()
        absent = [name for name in names if name not in sys.modules]
        # What is printed from here on, as at the forks, is for nobody, and is not to
        # wait for a reader.
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.close(null)
        self.tell(b"loaded", [w.encode("utf-8", "surrogateescape") for w in absent])

    def fork(self, env, cwd, printed, fds):
        """Forks a child that belongs to whoever looks after orphans. Returns
        whether this is the child."""
        link, files = fds[0], fds[1:]
        if len(files) != 3 + self.lent:
            raise Refusal("the sockets lent are %d, not %d" % (len(files) - 3, self.lent))
        for name, path in shadowers(self.first).items():
            if name in self.tops:
                raise Refusal("%s is there now, and %s was loaded from elsewhere" % (path, name))
        for path, st in self.files.items():
            if stamp(path) != st:
                raise Refusal("%s has changed since it was loaded" % path)
        for place, (st, was) in list(self.places.items()):
            now = stamp(place)
            if now != st:
                if offers(place) != was:
                    raise Refusal("%s has changed since it was loaded" % place)
                if now and now[0] < self.now() - COARSE:
                    self.places[place] = now, was
        for path, was in self.asked.items():
            if kind(path) != was:
                raise Refusal("%s is %s now, and an import has asked for it" % (path, "gone" if was else "there"))
        between = os.fork()
        if between == 0:
            try:
                if os.fork() > 0:
                    os._exit(0)
                self.become(link, files, env, cwd, printed)
                return True
            except BaseException as e:
                try:
                    os.write(link, b"failed\x001\0" + str(e).encode("utf-8", "backslashreplace") + b"\0")
                finally:
                    os._exit(1)
        for fd in fds:
            os.close(fd)
        os.waitpid(between, 0)  # from here on the child is somebody else's
        self.tell(b"forked")
        return False

    def become(self, link, files, env, cwd, printed):
        """Makes this child what exec would have made it, and waits until it may
        begin."""
        self.orders.close()  # or the end of a parent would not be seen while there is a child
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # what was printed at the forks, for nobody
        os.setsid()
        os.chdir(cwd)
        if any(entry.startswith(b"LISTEN_FDS=") for entry in env):
            env = env + [b"LISTEN_PID=%d" % os.getpid()]
        entitle(self.name, self.command)
        rewrite(env)
        publish(env)
        for key, value in self.added.items():
            os.environb.setdefault(key, value)
        os.write(link, b"here\0")
        if os.read(link, 16) != b"go\0":
            os._exit(1)
        os.close(link)
        for n, fd in enumerate(files):
            os.dup2(fd, n)
            os.close(fd)
        for fd, text in zip((1, 2), printed):
            while text:
                text = text[os.write(fd, text):]
        reseed()
        for finder in sys.path_importer_cache.values():
            if hasattr(finder, "invalidate_caches"):
                finder.invalidate_caches()
        for name in self.ours - self.names:
            sys.modules.pop(name, None)

    def serve(self):
        """Takes orders. Returns in children only."""
        self.tell(b"hello", [b"%d" % os.getpid()])
        while True:
            verb, fds = None, []
            try:
                verb, lists, fds = self.receive()
                if verb is None:
                    os._exit(0)
                if verb == b"load":
                    rewrite(lists[0])
                    self.load(*([w.decode("utf-8", "surrogateescape") for w in one] for one in lists[1:]))
                elif verb == b"fork" and self.fork(lists[0], lists[1][0], lists[2], fds):
                    return
            except Exception as e:
                for fd in fds:
                    try:
                        os.close(fd)
                    except OSError:
                        pass
                known = isinstance(e, Refusal)
                why = str(e) if known else "%s: %s" % (type(e).__name__, e)
                self.tell(b"refused" if known and not isinstance(e, Failure) else b"failed",
                          [why.encode("utf-8", "backslashreplace")])
                if verb is None:
                    os._exit(1)  # an order was lost


def phantom(error, name, known):
    """Whether a module is one that nobody finds: others put it among the modules,
    and will here too if it is needed."""
    return isinstance(error, ModuleNotFoundError) and error.name == name and set(sys.modules) == known


def fit():
    """Refuses an interpreter that cannot go on after a fork."""
    debugged = sys.flags.dev_mode or os.environ.get("PYTHONMALLOC", "").endswith("debug")
    if sys.version_info < (3, 9) and debugged:
        # It frees by one allocator what another one gave, at the end.
        raise Refusal("Python 3.8 with debug hooks on its memory ends badly after a fork")


def files_of(modules):
    """The files of modules, as far as they say."""
    found = set()
    for module in list(modules.values()):
        path = archive(file_of(module))
        if path.startswith("/"):
            found.add(path)
    return found


def file_of(module):
    """The file of a module, "" for none; no code of its own is run for that."""
    try:
        path = object.__getattribute__(module, "__dict__").get("__file__")
    except AttributeError:
        return ""
    return path if isinstance(path, str) else ""


def title(finder):
    """What a finder of modules, or who makes such, is called."""
    named = finder if type(finder) in (type, type(title)) else type(finder)
    return "%s.%s" % (named.__module__, named.__qualname__)


def lines_of(site):
    """The files of a directory of packages whose lines every start obeys."""
    try:
        return [site + "/" + name for name in os.listdir(site) if name.endswith(".pth")]
    except OSError:
        return []


def archive(path):
    """The file in which a path leads on, as that of a module in a zip; the path where
    none does."""
    above = path
    while above.startswith("/") and len(above) > 1:
        if os.path.isfile(above):
            return above
        if os.path.isdir(above):
            break
        above = os.path.dirname(above)
    return path


def offers(place):
    """What a directory has for imports and for who asks what is installed, or how an
    archive is; None for what is not there."""
    try:
        with os.scandir(place) as entries:
            return sorted(entry.name for entry in entries if offered(entry.name))
    except OSError:
        return stamp(place)


def offered(name):
    stem, dot, suffix = name.rpartition(".")
    return name != "__pycache__" if not dot else suffix in ("py", "pyc", "so", "dist-info", "egg-info", "egg", "zip")


def stamp(path):
    """What tells the content of a file from another one; None where there is none."""
    try:
        st = os.stat(path)
    except (OSError, ValueError):
        return None
    return st.st_mtime_ns, st.st_size, st.st_ino


def settled(path, begun):
    """Whether a file is there, and was neither written nor put in its place since
    a time. The time of its content does not tell: who installs may keep that of an
    archive."""
    try:
        return os.stat(path).st_ctime_ns < begun
    except (OSError, ValueError):
        return False


def kind(path):
    """Whether there is a file, a directory or something else; 0 for nothing."""
    try:
        return stat.S_IFMT(os.stat(path).st_mode)
    except (OSError, ValueError):
        return 0


def customized(hooks):
    """Refuses where something is to run at the start of the interpreter that may
    change what is imported after it: here it would come too late."""
    tolerated = set(hooks) | {os.path.dirname(os.__file__)}
    for entry in sys.path:
        for name in ("sitecustomize", "usercustomize"):
            for path in ("%s/%s.py" % (entry, name), "%s/%s/__init__.py" % (entry, name)):
                if entry not in tolerated and os.path.exists(path):
                    raise Refusal("%s runs before all imports" % path)


def reseed():
    """Draws anew what imports have drawn: it would be the same in all children.
    The random module does so by itself."""
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    for name in ("multiprocessing.process", "billiard.process"):
        module = sys.modules.get(name)
        if module is not None:
            module.current_process()._config["authkey"] = module.AuthenticationString(os.urandom(32))


def main():
    number, lent = os.environ.get(ORDERS), os.environ.get(LENT, "0")
    here = os.path.dirname(__file__)
    sys.path[:] = [entry for entry in sys.path if entry != here]
    sys.path_importer_cache.pop(here, None)
    if number is None:
        return
    if sys.implementation.name != "cpython" or sys.platform != "linux":
        os._exit(1)
    try:
        Parent(int(number), int(lent)).serve()
    except Refusal as e:
        os.write(int(number), message(b"refused", [str(e).encode()]))
        os._exit(1)
    except BaseException:
        os._exit(1)  # nobody listens any more


main()
# What the interpreter would have imported under this name has its turn. Where
# there is none, the error says so to who has asked, and is no error to them.
sys.modules.pop("sitecustomize", None)
__import__("sitecustomize")
