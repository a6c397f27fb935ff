"""Says where this interpreter looks for modules.

Read from -c, when the interpreter has run what it runs at every start: the
.pth files of its site-packages and sitecustomize. Whatever these print is on
standard output already, so our lines follow a marker: fields that a NUL byte
ends each, in threes of kind, name and path, and at last the marker again.

JSON would be the obvious form. Importing it takes as long as the rest of an
interpreter's start does, and paths need not be text.

Nothing is imported that the start has not imported: sys.path may lead to the
project's own modules, and the finders of editable installs may build one when
they are asked for a module. They are read, and not asked.

The grammar is Python 3.6, the oldest this is tested with.
"""

import sys

if sys.path[:1] == [""]:
    del sys.path[0]  # -c puts it there, as a script would its directory
path = list(sys.path)

import os

MARK = b"\0bounce looks for modules\0"
SITE_FILES = (".pth", ".start")

here = os.getcwd()
library = os.path.dirname(os.__file__)
answer = []


def tell(kind, name, place):
    fields = [str(field).replace("\0", " ") for field in (kind, name, place)]
    try:
        answer.extend([os.fsencode(field) + b"\0" for field in fields])
    except UnicodeError:
        pass  # no file has a name that the file system cannot have


def within(place, directory):
    return place == directory or place.startswith(directory.rstrip(os.sep) + os.sep)


def site_directories():
    """Where packages are installed, and .pth files count."""
    site = sys.modules.get("site")
    if site is None:
        return []
    found = list(getattr(site, "getsitepackages", list)())
    if getattr(site, "ENABLE_USER_SITE", False):
        found.append(site.USER_SITE)
    return [os.path.join(here, place) for place in found if place]


sites = site_directories()
given = []
if os.environ.get("PYTHONPATH") and not sys.flags.ignore_environment:
    for place in os.environ["PYTHONPATH"].split(os.pathsep):
        given.append(os.path.normpath(os.path.join(here, place)))


def tell_state():
    """Say which Python this is, where its library is, and which files the answer depends on."""
    tell("python", sys.implementation.name, sys.version.split()[0])
    tell("library", "", library)
    for directory in sites:
        tell("site", "", directory)
        try:
            names = os.listdir(directory)
        except OSError:
            continue  # it may come yet
        for name in sorted(names):
            if name.endswith(SITE_FILES):
                tell("state", "", os.path.join(directory, name))
    for name in ("sitecustomize", "usercustomize"):
        place = getattr(sys.modules.get(name), "__file__", None)
        if place:
            tell("state", "", place)


def place_of(source):
    """The directory of a package whose __init__ this is, else the file without its extension."""
    directory, name = os.path.split(source)
    stem = name.split(".")[0]
    return directory if stem == "__init__" else os.path.join(directory, stem)


def tell_modules(kind, places):
    """Say where modules are, but for those that follow from their package."""
    for name, place in sorted(places.items()):
        package, _, last = name.rpartition(".")
        if package not in places or os.path.join(places[package], last) != place:
            tell(kind, name, place)


def tell_directory(place):
    """Say what an entry of sys.path contributes."""
    if not isinstance(place, str):
        return  # no import looks there
    place = os.path.normpath(os.path.join(here, place))
    name = os.path.basename(place)
    if place in sites:
        tell_modules("link", dict(site_links(place)))
    elif name.startswith("__editable__.") and place not in given:
        # What setuptools made: a tree of links, or the name of a path hook.
        if os.path.isdir(place):
            tell_modules("module", dict(link_tree(place, "")))
            tell("added", "", place)
    elif place in given:
        tell("given", "", place)
    elif not (within(place, library) or any(within(place, site) for site in sites)):
        if name != "lib-dynload" and not name.endswith(".zip"):
            tell("added", "", place)


def site_links(directory):
    """Packages and modules that are links to elsewhere, as flit makes them."""
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        if not entry.is_symlink():
            continue
        target = os.path.realpath(entry.path)
        if within(target, os.path.realpath(directory)):
            continue
        stem, extension = os.path.splitext(entry.name)
        if entry.is_dir() and entry.name.isidentifier():
            yield entry.name, target
        elif extension == ".py" and stem.isidentifier():
            yield stem, place_of(target)


def link_tree(directory, package):
    """The packages of a tree in which the files are links."""
    for entry in os.scandir(directory):
        stem, extension = os.path.splitext(entry.name)
        if entry.is_dir():
            init = os.path.join(entry.path, "__init__.py")
            if os.path.islink(init):
                yield package + entry.name, place_of(os.path.realpath(init))
            else:
                yield from link_tree(entry.path, package + entry.name + ".")
        elif extension == ".py" and entry.is_symlink():
            yield package + stem, place_of(os.path.realpath(entry.path))


def tell_finder(finder, kind):
    """Say which modules the finder of an editable install has elsewhere."""
    owner = finder if isinstance(finder, type) else type(finder)
    module = sys.modules.get(owner.__module__)
    if hasattr(module, "MAPPING"):  # setuptools
        places = dict(module.MAPPING)
        for name, portions in getattr(module, "NAMESPACES", {}).items():
            for portion in portions:
                tell("module", name, portion)  # as of an entry of sys.path
    elif hasattr(finder, "_redirections"):  # editables, as hatchling and PDM use it
        places = {name: place_of(file) for name, file in finder._redirections.items()}
    elif hasattr(finder, "known_source_files"):  # scikit-build-core
        places = {name: place_of(file) for name, file in finder.known_source_files.items()}
    elif hasattr(finder, "_build_path") and hasattr(finder, "_top_level_modules"):  # meson-python
        places = dict(meson_modules(os.path.join(finder._build_path, "meson-info", "intro-install_plan.json")))
    else:
        return
    tell_modules(kind, {name: place for name, place in places.items() if place})


def meson_modules(plan):
    tell("state", "", plan)
    sys.path[:] = [library]
    import json

    with open(plan, encoding="utf-8") as file:
        installed = json.load(file)
    for files in installed.values():
        for source, target in files.items():
            root, *parts = target["destination"].split("/")
            if root not in ("{py_platlib}", "{py_purelib}") or not parts:
                continue
            if os.path.isdir(source):
                yield ".".join(parts), source
            elif source.endswith(".py"):
                stem = parts.pop()[: -len(".py")]
                yield ".".join(parts if stem == "__init__" else parts + [stem]), place_of(source)


def tell_all():
    """Say everything in the order in which imports ask for it."""
    tell_state()
    kind = "ahead"
    for finder in list(sys.meta_path):
        if getattr(finder, "__name__", "") == "PathFinder":
            for place in path:
                attempt(tell_directory, place)
            kind = "module"
        else:
            attempt(tell_finder, finder, kind)


def attempt(tell_of, thing, *more):
    """Say as much as can be said: of what is half installed, that it is."""
    try:
        tell_of(thing, *more)
    except Exception as error:
        tell("unknown", repr(thing), type(error).__name__ + ": " + str(error))


tell_all()
output = MARK + b"".join(answer) + MARK
while output:
    output = output[os.write(1, output) :]
# What was registered to run at the end belongs to programs.
os._exit(0)
