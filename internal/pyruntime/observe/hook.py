"""Tells the agent what the Python processes of a service execute.

It is the sitecustomize of a directory that a service gets in front of its
PYTHONPATH, so that its child processes run it too. It takes that directory off
sys.path again, and then the sitecustomize is run that would have been.

What is told goes to a file of the spool that BOUNCE_OBSERVE names, one for each
user that processes run as: lines of fields with tabs between, "%" and what
would end a field written as in a URL.

    h VERSION                      a Python of this version runs the hook
    f HASH FILE                    a module of the project is about to be executed
    d HASH MTIME SIZE FILE         another file of it is, or was opened for reading
    w FILE                         one of these was written by the service itself
    p PATH                         code of an installed package is about to be
    m NAME FILE                    another module was loaded
    u PROGRAM WHY                  a Python is about to be started that does not tell
    a KIND NAME                    the process is not what it was at its start, as of
                                   the modules of others that are told from here on

PATH is, below site-packages, the outermost directory with an __init__.py, or a
module that is in none.

HASH is the SHA-256 of what the file held, in hex; "-" where that cannot be told.
A line is written before what it tells of happens, by one write to a descriptor
that is closed again: nothing is kept that a service could close, or that a fork
would share, and nobody is waited for. No line is written twice, whichever
process of the service it is that has written it.

Nothing here may be noticed by the service. What fails for want of memory, stack
or descriptors is tried again at the next event, and so is what a signal handler
or another thread interrupts by an error, which the service gets. What else fails
has the process tell nothing more, for good: others go on. A file NAME.incomplete
beside that of the user says so; where none can be made, for the disk is full, the
file itself is made read-only, which silences the others too.

The grammar is that of Python 3.8 and of 2.7, which imports this too, and where
there are no audit hooks.
"""

import sys

# The sizes of what is read and written, in bytes: the most of a module and of
# another file that is hashed, and of what is told by the processes of one user.
CODE, DATA, TOLD = 16 << 20, 1 << 20, 16 << 20

# The most events that wait to be tried again.
DEBTS = 1 << 10

# Errors that pass: ENOMEM, ENFILE, EMFILE.
SCARCE = (12, 23, 24)

# Up to Python 3.9 who catches the error of a full stack and goes on calling has
# the process aborted; the service is about to get that error anyway.
UNSAFE = sys.version_info < (3, 10)

# Templates are compiled to code as well, and what renders them looks after them.
TEMPLATES = (
    ".html", ".htm", ".xhtml", ".xml", ".txt", ".j2", ".jinja", ".jinja2", ".mako", ".mak", ".tmpl", ".tpl", ".pt",
)

# How far the times of files lag behind the clock, in nanoseconds, and then some.
COARSE = 20 * 1000 * 1000

# How long modules that are not the project's may wait to be told, likewise.
PATIENCE = 1000 * 1000 * 1000

# What part of the time since the start it may take to tell them sooner: when one of
# them is about to be executed, and when one of the project is; and so many
# nanoseconds besides.
SHARE, OWN_SHARE, GRANT = 256, 128, 1500 * 1000

# Modules of which it is told when something else is put in the place of a class or
# function, and those that put it there.
PATCHED = (
    "_thread", "builtins", "datetime", "json", "os", "queue", "random", "select", "selectors", "signal", "socket", "ssl",
    "subprocess", "threading", "time",
)
PATCHERS = (("gevent.monkey", "saved"), ("eventlet.patcher", "already_patched"))

# How long a process is looked at for alterations though it imports nothing,
# likewise.
STARTING = 60 * 1000 * 1000 * 1000

# Where a server gets to when it has loaded what it needs.
LULLS = (
    "socket.__new__", "socket.bind", "socket.connect", "socket.getaddrinfo", "time.sleep",
    "os.fork", "os.forkpty", "_thread.start_new_thread",
)

# What reads sources to execute them, or to show a line of them, and no data.
READERS = ("runpy.py", "linecache.py", "tokenize.py", "pkgutil.py", "imp.py")

handlers = {}  # by audit event
silenced = {}  # those that are left when it was given up
owed = []  # events to be tried again
debts = 0  # how many tries have failed since there were none
marks = 0  # how often it could have been said that not all was told
here = ""  # the directory of this
spool = ""  # directory
roots = []  # of the project, each ending in a slash
reads = False  # files that are no modules count
library = ""  # Python's own, ending in a slash
begun = 0  # when this was imported
told = set()  # the lines that are in the files, without their ends
taken = {}  # by user: how many bytes of the file are in told
teller = None  # the process and the user that this is as of
users = set()  # those that this process has written as
named = set()  # the modules that were told or are not worth telling
packaged = set()  # directories of packages that were told, or of no installed one
read = set()  # the files that were told and are no modules
loaded = set()  # all files of the project that were told
made = set()  # those that were opened for writing, or renamed to, by this process or before its fork
directories = {}  # whether they are the project's
looked = {}  # by thread: when it last looked for a module, or opened one
opened_at = {}  # by module of the project: when it was opened
texts = {}  # by thread: the sources that it has opened as data, and when
locked = False  # the process has locked a part of a file
plainly = set()  # what is below a site-packages and is no link
bare = {}  # by thread: the bytecode without a source that it has opened
hashed = {}  # by file that is executed and no source: how it was found
news = False  # modules that are not the project's were loaded
flushed = 0  # when those were told
spent = 0  # how much CPU time it took to tell them
coming = {}  # those that have no code to execute, with their places, by name
first = {}  # what the process was: its environment, sys.path and lists of finders
first_of = {}  # by name of a module that may be patched, what it held


def begin():
    """Prepares everything, and reports whether there is anybody to tell."""
    global posix, fsencode, fsdecode, realpath, get_ident, time_ns, thread_time_ns, sha256, getframe, ModuleSpec
    global places, cached, here, spool, reads, library, begun, flushed
    import os
    import posix
    import time
    from _thread import get_ident

    try:
        from _sha2 import sha256
    except ImportError:
        from _sha256 import sha256
    fsencode, fsdecode, realpath = os.fsencode, os.fsdecode, os.path.realpath
    getframe = sys._getframe
    time_ns, thread_time_ns = time.time_ns, time.thread_time_ns
    ModuleSpec = type(sys.__spec__)
    places = globals(), vars(os), vars(os.path)
    cached = "." + str(sys.implementation.cache_tag) + "."

    here = __file__.rpartition("/")[0]
    spool = os.environ.get("BOUNCE_OBSERVE", "")
    if not spool.startswith("/"):
        return False
    library = os.path.dirname(os.__file__) + "/"
    lines = contents(spool + "/roots").split(b"\n")
    reads = lines[0] == b"files"
    for line in lines[1:]:
        if line:
            root = unescaped(line)
            roots.append(root if root.endswith("/") else root + "/")
    begun = flushed = time_ns()
    first.update(
        environ=(os.environ._data, dict(os.environ._data)), path=list(sys.path), seen=sys.path[:],
        meta_path=list(sys.meta_path), path_hooks=list(sys.path_hooks),
    )
    tell([b"h\t" + sys.version.split()[0].encode()])
    return True


def contents(path, start=0, most=TOLD):
    flags = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
    fds = []
    try:
        # So that an error from elsewhere finds it open and noted, or neither.
        fds.extend(map(posix.open, (path,), (flags,)))
        posix.lseek(fds[0], start, 0)
        pieces, left = [], most
        while left > 0:
            piece = posix.read(fds[0], left)
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    finally:
        if fds:
            posix.close(fds[0])


def log():
    return "%s/told/%d" % (spool, posix.geteuid())


def theirs(error):
    """Reports whether an error is the service's: raised by a signal handler, or by
    another thread in this one. Those that this runs into have a message."""
    trace = error.__traceback__
    while trace is not None:
        place = trace.tb_frame.f_globals
        if place is not places[0] and place is not places[1] and place is not places[2]:
            return True
        trace = trace.tb_next
    return not error.args


def escaped(path):
    return plain(fsencode(path))


def plain(raw):
    return raw.replace(b"%", b"%25").replace(b"\t", b"%09").replace(b"\n", b"%0A").replace(b"\r", b"%0D")


def unescaped(raw):
    raw = raw.replace(b"%0D", b"\r").replace(b"%0A", b"\n").replace(b"%09", b"\t")
    return fsdecode(raw.replace(b"%25", b"%"))


def tell(lines):
    """Writes the lines that nobody has told."""
    global teller
    lines = [line for line in lines if line not in told]
    if not lines:
        return
    user = posix.geteuid()
    if teller != (posix.getpid(), user):
        # Others of the same server have loaded the same.
        take(user)
        teller = posix.getpid(), user
        lines = [line for line in lines if line not in told]
        if not lines:
            return
    text = b"\n".join(lines) + b"\n"
    if user not in users:
        text = b"\n" + text  # another process may have been cut short
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
    fds = []
    try:
        fds.extend(map(posix.open, (log(),), (flags,), (0o600,)))
        if posix.fstat(fds[0]).st_size > TOLD or posix.write(fds[0], text) != len(text):
            raise OSError("too much was told, or the disk is full")
    finally:
        if fds:
            posix.close(fds[0])
    users.add(user)
    told.update(lines)


def take(user):
    """Takes in what other processes have told as a user."""
    start = taken.get(user, 0)
    try:
        text = contents(log(), start)
    except FileNotFoundError:
        return
    whole = text.rfind(b"\n") + 1
    told.update(text[:whole].split(b"\n"))
    taken[user] = start + whole


def absolute(path):
    """Returns a path from the root; "" if the directory is gone that it is in."""
    if path.startswith("/"):
        return path
    try:
        return posix.getcwd() + "/" + path
    except OSError as error:
        if theirs(error):
            raise
        return ""


def own(path):
    """Reports whether a file is the project's, by its directory."""
    directory = path.rpartition("/")[0] + "/"
    known = directories.get(directory)
    if known is None:
        if len(directories) > 1 << 14:
            directories.clear()
        known = directories[directory] = judge(directory)
    if not known and directory.endswith(("/site-packages/", "/dist-packages/")):
        return linked(path)
    return known


def judge(directory):
    if directory.startswith(library):
        return False
    if "/site-packages/" in directory or "/dist-packages/" in directory:
        return linked(directory)
    if directory.startswith(tuple(roots)):
        return True
    try:
        real = realpath(directory) + "/"
    except (OSError, ValueError) as error:
        if theirs(error):
            raise
        return False  # no directory can have such a name
    return real != directory and judge(real)


def linked(path):
    """Reports whether a link below a site-packages, to which a path leads, makes it
    the project's, as flit install --symlink does."""
    end = max(path.rfind("/site-packages/"), path.rfind("/dist-packages/")) + len("/site-packages/")
    while end > 0 and end < len(path):
        end = path.find("/", end)
        part = path if end < 0 else path[:end]
        if part not in plainly:
            try:
                link = posix.lstat(part).st_mode & 0o170000 == 0o120000
                if link:
                    real = realpath(path)
                    return own(real) if end < 0 else judge(real + "/")
            except (OSError, ValueError) as error:
                if theirs(error):
                    raise
            if len(plainly) > 1 << 14:
                plainly.clear()
            plainly.add(part)
        if end < 0:
            break
        end += 1
    return False


def regular(path):
    """Returns the stat of a regular file, None for anything else, which is not to
    be opened: who waits at the other end of a pipe would notice."""
    try:
        st = posix.stat(path)
    except (OSError, ValueError) as error:
        if theirs(error):
            raise
        return None
    return st if st.st_mode & 0o170000 == 0o100000 else None


def stamp(st):
    return st.st_mtime_ns, st.st_ctime_ns, st.st_size, st.st_ino


def digest(path, st, most, since):
    """Returns the hash of a file that was read at some time since then, "-" if
    it has been written since or is larger than most."""
    if st.st_size > most or st.st_ctime_ns > since - COARSE or held(st):
        return b"-"
    flags = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK
    fds = []
    try:
        fds.extend(map(posix.open, (path,), (flags,)))
        total = sha256()
        while True:
            piece = posix.read(fds[0], 1 << 20)
            if not piece:
                break
            total.update(piece)
        if stamp(posix.fstat(fds[0])) != stamp(st) or stamp(posix.stat(path)) != stamp(st):
            return b"-"
        return total.hexdigest().encode()
    except OSError as error:
        if theirs(error) or not fds and error.errno in SCARCE:
            raise
        return b"-"
    finally:
        if fds:
            posix.close(fds[0])


def held(st):
    """Reports whether this process has a file open: it may have locked it, and who
    closes any descriptor of a file gives up the locks of the process."""
    if not locked and not reads:
        return False
    for name in posix.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"):
        try:
            other = posix.fstat(int(name))
        except OSError as error:
            if theirs(error):
                raise
            continue  # that of the list itself
        if other.st_ino == st.st_ino and other.st_dev == st.st_dev:
            return True
    return False


def locks(args):
    global locked
    locked = True


def module(path, since):
    since = min(since, opened_at.get(path, since))
    st = regular(path)
    if st is None:
        program(archive(path))  # or it is but a name that somebody gave to code
        return
    told_of(path, b"f\t" + digest(path, st, CODE, since) + b"\t" + escaped(path))
    opened_at.pop(path, None)  # as of then, or by us
    if texts:
        texts.get(get_ident(), {}).pop(path, None)  # it was compiled under its name


def told_of(path, line):
    """Tells of a file of the project, and whether the service has made it."""
    if len(loaded) < 1 << 16:
        loaded.add(path)
    tell([line, b"w\t" + escaped(path)] if path in made else [line])


def wrote(path):
    """Notes that a file is about to be written."""
    path = absolute(path)
    if path in made or path.startswith(spool) or cached in path or not own(path):
        return
    if len(made) < 1 << 14:
        made.add(path)
    if path in loaded:
        tell([b"w\t" + escaped(path)])


def archive(path):
    """Returns the file in which a path leads on, as of a module in a zip."""
    while True:
        path = path.rpartition("/")[0]
        try:
            posix.stat(path)
        except NotADirectoryError:
            continue
        except (OSError, ValueError) as error:
            if theirs(error):
                raise
        return path


def program(path):
    """Tells of a file with code that is no source, and may be executed again and
    again. When it was read is not known."""
    st = regular(path)
    if st is None or hashed.get(path) == stamp(st):
        return
    told_of(path, other(path, st, CODE, begun))
    if len(hashed) < 1 << 12:
        hashed[path] = stamp(st)


def data(path):
    if path in read or path.startswith(spool) or not own(path):
        return
    st = regular(path)
    if st is None:
        return
    if len(read) < 1 << 16:
        read.add(path)  # before we open it
    try:
        told_of(path, other(path, st, DATA, time_ns() + COARSE))
    except BaseException:
        read.discard(path)
        raise


def other(path, st, most, since):
    found = "%d\t%d" % (st.st_mtime_ns, st.st_size)
    return b"d\t" + digest(path, st, most, since) + b"\t" + found.encode() + b"\t" + escaped(path)


def installed(paths):
    """Tells of the packages that others have installed and that modules are of. Their
    names are not known here, since who loads a module may give it any."""
    lines, met = {}, []
    for path in paths:
        directory = path.rpartition("/")[0]
        if directory not in packaged:
            place = package(path)
            if place:
                lines[b"p\t" + escaped(place)] = None
            if place != path:
                met.append(directory)
    tell(lines)
    if len(packaged) > 1 << 14:
        packaged.clear()
    packaged.update(met)


def package(path):
    """Returns the place of the package that a file is of; "" if it is of none that
    is installed, and the file if that is no more than a module."""
    at = max(path.rfind("/site-packages/"), path.rfind("/dist-packages/"))
    if at < 0:
        return ""
    end = path.find("/", at + len("/site-packages/"))
    while end >= 0 and regular(path[:end] + "/__init__.py") is None:
        end = path.find("/", end + 1)  # a namespace, which may be that of several
    return path if end < 0 else path[:end]


def executed(args):
    global news
    code = args[0]
    if bare:
        bytecode = bare.pop(get_ident(), None)
        if bytecode is not None:
            program(bytecode)
    path = code.co_filename
    if code.co_name != "<module>" or path[:1] in ("", "<"):
        if texts:
            execute_text()
        return
    now = time_ns()
    path = absolute(path)
    if own(path):
        if spent < GRANT + (now - begun) // OWN_SHARE:
            flush(args)
        if path.endswith(".py"):
            module(path, looked.get(get_ident(), begun))
        elif not path.endswith(TEMPLATES) and "jinja2.runtime" not in code.co_names:
            program(path)
        elif reads:
            data(path)
    else:
        news = True
        if path.rpartition("/")[0] not in packaged:
            installed([path])
        if spent < GRANT + (now - begun) // SHARE or now - flushed > PATIENCE:
            flush(args)


def caller(frame):
    """Returns the file of the code that has raised the event, by the frame of its
    handler; "" for none, or this."""
    frame = frame.f_back and frame.f_back.f_back
    return "" if frame is None or frame.f_globals is places[0] else frame.f_code.co_filename


def execute_text():
    """Tells of the sources that this thread has read as data, when a text without a
    name is executed, by other code than that of a standard module."""
    if get_ident() in texts and not caller(getframe().f_back).startswith(library):
        for path, since in texts.pop(get_ident()).items():
            st = regular(path)
            if st is not None:
                told_of(path, other(path, st, CODE, since))


def imported(args):
    global news
    thread, now = get_ident(), time_ns()
    since = looked.get(thread, begun)
    if len(looked) > 1 << 12:
        looked.clear()
    looked[thread] = now
    name, path = args[:2]
    if type(path) is str and path:  # an extension module
        path = absolute(path)
        if own(path):
            module(path, since)
            return
        installed([path])
    elif name in sys.builtin_module_names:
        path = "built-in"
    else:
        return
    if name not in named and type(name) is str:
        news = True
        coming[name] = path
        if spent < GRANT + (now - begun) // SHARE:
            flush(args)


def opened(args):
    path, _, flags = args
    if type(path) is bytes:
        path = fsdecode(path)
    if type(path) is not str or not path:
        return
    if type(flags) is int and flags & 3 != posix.O_RDONLY:
        wrote(path)
        return
    if path.endswith((".py", ".pyc")):
        now = looked[get_ident()] = time_ns()
        if path.endswith("c"):
            if cached not in path:
                path = absolute(path)
                if own(path):
                    bare[get_ident()] = path
        elif len(opened_at) < 1 << 14:
            path = absolute(path)
            if own(path):
                opened_at.setdefault(path, now)
                by = caller(getframe())
                if by and not by.startswith("<frozen") and by.rpartition("/")[2] not in READERS:
                    if reads:
                        data(path)
                    if len(texts) < 1 << 10:
                        pending = texts.setdefault(get_ident(), {})
                        if len(pending) < 1 << 10:
                            pending[path] = now
    elif reads:
        data(absolute(path))


def renamed(args):
    path = args[1]
    if type(path) is bytes:
        path = fsdecode(path)
    if type(path) is str and path and args[3] == -1:
        wrote(path)


def flush(args):
    """Tells of the modules that are not the project's, in their order, and before
    them of what they may have been loaded under."""
    global news, flushed, spent
    now = time_ns()
    # Without news there is nothing to tell but alterations. In a process that was
    # forked with all that it imports they matter as well, until it is up.
    if not news and not (now - begun < STARTING and spent < GRANT + (now - begun) // SHARE):
        return
    news, flushed, started = False, now, thread_time_ns()
    try:
        lines = altered()
        names = [name for name in list(sys.modules) if name not in named and type(name) is str]
        for name in names:
            place = location(sys.modules.get(name))
            if not (place.startswith("/") and own(place)):
                try:
                    lines.append(b"m\t" + escaped(name) + b"\t" + escaped(place))
                except UnicodeError:
                    pass  # nothing on this system can have such a name
        for name, place in list(coming.items()):
            if name not in named and name not in sys.modules:
                names.append(name)
                lines.append(b"m\t" + escaped(name) + b"\t" + escaped(place))
        tell(lines)
    except BaseException:
        news = True
        raise
    named.update(names)
    coming.clear()
    spent += thread_time_ns() - started


def linked_in(args):
    """Tells of a library that ctypes loads."""
    path = args[0]
    if type(path) is str and "/" in path:
        path = absolute(path)
        if own(path):
            program(path)


def execs(args):
    flush(args)
    unheard(args[0], args[1], args[2])


def spawns(args):
    flush(args)
    unheard(args[0], args[1], args[3])


def unheard(path, words, env):
    """Tells of a Python that is started so that it does not run this."""
    words = [fsdecode(word) if type(word) is bytes else word for word in words] if type(words) in (list, tuple) else []
    path = fsdecode(path) if type(path) is bytes else path
    if type(path) is not str:
        return
    why = deaf(env) or isolated(words)
    if why and python(path, words, env):
        tell([b"u\t" + escaped(path) + b"\t" + escaped(why)])


def variable(env, name):
    """Returns a variable of an environment that is given, or inherited if that is
    None; None where it cannot be told without running code of the service."""
    if type(env) is dict:
        value = env.get(name, env.get(name.encode(), ""))
    else:
        value = first["environ"][0].get(name.encode(), b"")
    return fsdecode(value) if type(value) is bytes else value if type(value) is str else ""


def deaf(env):
    """Returns why a Python of that environment would not run this; "" if it does."""
    if not (env is None or type(env) is dict or getattr(env, "_data", None) is first["environ"][0]):
        return ""  # a mapping of the service's own
    if variable(env, "BOUNCE_OBSERVE") != spool:
        return "its environment lacks BOUNCE_OBSERVE"
    for entry in variable(env, "PYTHONPATH").split(":"):
        if entry == here:
            return ""
        other = entry + "/sitecustomize.py"
        # One that speaks of sitecustomize imports the next one.
        if entry and regular(other) is not None and b"sitecustomize" not in contents(other, 0, DATA):
            return other + " comes first"
    return "its PYTHONPATH lacks " + here


def isolated(words):
    """Returns the option of a Python for which it would not run this; "" if none."""
    for word in words[1:]:
        if type(word) is not str or word[:1] != "-" or word[:2] == "--":
            break
        for letter in word[1:]:
            if letter in "IES":
                return "it has the option -" + letter
            if letter in "cm":
                return ""
            if letter in "WX":
                break
    return ""


def python(path, words, env):
    """Reports whether a program is a Python, or a script for one."""
    name = path.rpartition("/")[2]
    if name.startswith(("python", "pypy")):
        return True
    if name in ("env", "sh", "bash", "dash", "zsh"):
        return any("python" in word for word in words[1:] if type(word) is str)
    if "/" not in path:
        places = [entry + "/" + path for entry in variable(env, "PATH").split(":") if entry]
        path = next((place for place in places if regular(place) is not None), "")
    if regular(path) is None:
        return False
    try:
        head = contents(realpath(path), 0, 256)
    except OSError as error:
        if theirs(error):
            raise
        return False
    return head[:2] == b"#!" and b"python" in head.split(b"\n")[0]


def altered():
    """Returns lines that say in what the process differs from what it was."""
    found = []
    now, was = first["environ"]
    if now != was:
        found += [(b"environ", key) for key in set(now).union(was) if now.get(key) != was.get(key)]
    if type(sys.path) is list and sys.path != first["seen"]:
        first["seen"] = sys.path[:]
        found += [
            (b"path", fsencode(absolute(path).rstrip("/") or "/")) for path in first["seen"]
            if type(path) is str and path not in first["path"]
        ]
    for name in "meta_path", "path_hooks":
        was = first[name]
        finders = getattr(sys, name, None)
        for finder in finders if type(finders) is list else ():
            if not any(finder is one for one in was):
                found.append((name.encode(), title(finder)))
    for name in PATCHED:
        module = sys.modules.get(name)
        if type(module) is type(sys):
            found += patched(name, vars(module))
    for name, word in PATCHERS:
        module = sys.modules.get(name)
        if type(module) is type(sys) and vars(module).get(word):
            found.append((b"patch", name.encode()))
    return [b"a\t" + kind + b"\t" + plain(name) for kind, name in found]


def patched(name, now):
    """Returns the first class or function of a module that is another one than it
    was when the module was first seen here, loaded."""
    was = first_of.get(name)
    if was is None:
        spec = now.get("__spec__")
        if not (type(spec) is ModuleSpec and getattr(spec, "_initializing", False)):
            first_of[name] = dict(now)
        return []
    try:
        same = now == was
    except Exception as error:
        if theirs(error):
            raise
        same = False
    if not same:
        for word, value in was.items():
            if word[:1] != "_" and callable(value) and now.get(word) is not value:
                return [(b"patch", (name + "." + word).encode())]
        first_of[name] = dict(now)
    return []


def title(finder):
    kind = finder if type(finder) in (type, type(title)) else type(finder)
    return ("%s.%s" % (kind.__module__, kind.__qualname__)).encode("utf-8", "backslashreplace")


def location(loaded):
    """Returns where a module is from, running no code of its own."""
    try:
        spec = object.__getattribute__(loaded, "__dict__").get("__spec__")
    except AttributeError:
        spec = None
    origin = spec.origin if type(spec) is ModuleSpec else None
    return origin if type(origin) is str and origin else "-"


def audit(event, args):
    global handlers, owed, debts
    if event in handlers:
        try:
            if owed:
                settle()
            handlers[event](args)
        except BaseException as error:
            # Until it is known why, nothing is called: the stack may be full.
            kind, trace = error.__class__, error.__traceback__
            full, alien = kind is RecursionError, False
            while trace is not None and not alien:
                place = trace.tb_frame.f_globals
                alien = place is not places[0] and place is not places[1] and place is not places[2]
                trace = trace.tb_next
            trace = None  # or this frame would hold itself
            # Who sends an error into a thread names a class: it has no message.
            alien = alien or not (full or kind is MemoryError or error.args and kind.__module__ == "builtins")
            if full and UNSAFE:
                raise
            if alien or full or kind is MemoryError or kind is OSError and error.errno in SCARCE:
                debts += 1
                if debts <= DEBTS:
                    owed += [(event, args)]
                    if alien:
                        raise
                    return
            handlers, owed = silenced, []
            if not full:
                mark(args)
            if alien:
                raise


def settle():
    """Tries again what could not be told. When that was read is not known."""
    global owed, debts
    thread = get_ident()
    since = looked.get(thread, begun)
    todo, owed = owed, []
    try:
        while todo:
            event, args = todo[0]
            if event in handlers:
                looked[thread] = begun
                handlers[event](args)
            del todo[0]
        debts = 0
    finally:
        owed = todo + owed
        looked[thread] = since


def mark(args):
    """Says that not all was told. While it cannot be said it is tried again, ever
    more rarely."""
    global handlers, marks
    marks += 1
    if marks & (marks - 1):
        return
    fds = []
    try:
        flags = posix.O_RDONLY | posix.O_CREAT | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
        try:
            fds.extend(map(posix.open, (log() + ".incomplete",), (flags,), (0o400,)))
        except OSError as error:
            if theirs(error):
                raise
            posix.chmod(log(), 0o400)
    except (OSError, NameError) as error:
        if theirs(error):
            raise
        return  # the service runs without
    finally:
        if fds:
            posix.close(fds[0])
    handlers = {}


def install():
    before = set(sys.modules)
    try:
        if begin():
            named.update(before, ("__main__", "__mp_main__"))
            # A process that was forked in place of a start has them loaded. What
            # every start loads for setuptools is not for the service.
            places = [location(sys.modules[name]) for name in before if name != "_distutils_hack"]
            installed([place for place in places if place.startswith("/")])
            handlers.update(dict.fromkeys(LULLS, flush))
            handlers.update(dict.fromkeys(("os.exec", "os.posix_spawn"), execs))
            handlers.update(dict.fromkeys(("fcntl.lockf", "fcntl.fcntl"), locks))
            handlers.update({"subprocess.Popen": spawns, "ctypes.dlopen": linked_in})
            handlers.update({"exec": executed, "import": imported, "open": opened, "os.rename": renamed})
            silenced.update({"exec": mark, "import": mark})
            sys.addaudithook(audit)
    except Exception:
        mark(None)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def leave(directory):
    """Makes sys.path what it would be without this."""
    if directory in sys.path:
        sys.path.remove(directory)
    sys.path_importer_cache.pop(directory, None)


if __name__ == "sitecustomize":
    leave(__file__.rpartition("/")[0])
    if sys.version_info >= (3, 8) and sys.implementation.name == "cpython":
        install()
    # This module stays what it is while it is needed, without its name.
    this = sys.modules.pop(__name__)
    import sitecustomize
