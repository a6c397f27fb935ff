"""Says which files this interpreter refuses to compile.

Read from -c and run with -I -S, so that nothing of the project is imported:
paths come on standard input, each ended by a NUL byte, and one JSON object a
line goes out, in their order: {} for a file that compiles or is not there,
else {"line", "column", "what"} with 0 for an unknown place. A line is written
as soon as it is known, so that whoever reads them can tell which file was
being compiled when the interpreter died.

The grammar is Python 3.6, the oldest this is tested with.
"""

import json
import os
import stat
import sys

# What a .pth file prints at import must not get between our lines.
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

site_is_loaded = False


def load_site():
    """Run the .pth files, which may register source encodings."""
    global site_is_loaded
    if not site_is_loaded:
        site_is_loaded = True
        try:
            import site

            site.main()
        except Exception:
            pass  # then the encoding stays unknown, which is what is reported


def compile_as_import_does(source, path):
    compile(source, path, "exec", dont_inherit=True)


def unknown_encoding(error):
    return isinstance(error, SyntaxError) and "encoding" in str(error.msg)


def check(path):
    """What is wrong with a file, as the object to print."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return {}  # import takes regular files alone
    except (OSError, ValueError):
        return {}
    name = os.fsdecode(path)
    try:
        with open(path, "rb") as file:
            source = file.read()
        try:
            compile_as_import_does(source, name)
        except SyntaxError as error:
            if not unknown_encoding(error):
                raise
            load_site()
            compile_as_import_does(source, name)
    except FileNotFoundError:
        return {}
    except Exception as error:  # also MemoryError and RecursionError
        return problem(error)
    return {}


def problem(error):
    text = str(error)
    line = column = None
    if isinstance(error, SyntaxError):
        text, line, column = str(error.msg), error.lineno, error.offset
    what = type(error).__name__
    text = " ".join(text.split())
    if text:
        what += ": " + text[:400]
    return {"line": max(line or 0, 0), "column": max(column or 0, 0), "what": what}


for path in sys.stdin.buffer.read().split(b"\0")[:-1]:
    out.write(json.dumps(check(path)) + "\n")
    out.flush()
