"""Writes a source into the directory named, for each encoding that sources may be
in, with characters whose bytes look like syntax; prints the names of the files."""

import encodings.aliases
import codecs
import pathlib
import sys

SYNTAX = "\\\"'#([{}])`|;:,=\n\r "

# Each character in strings that it could end or keep open, and in a comment.
LINES = """\
x = "{0}"; import a{1}
y = '{0}'
from b{1}.c import d
z = \"""{0}\"""
# {0}
import e{1}, f
w = r'''{0}{0}''', "{0}" "#" '{0}'
def g():
    from h{1} import i  # {0}
"""


def awkward(codec):
    """A character for each byte of syntax that is in the middle or end of one."""
    found = {}
    for code in [*range(0x3041, 0x30FF), *range(0x4E00, 0x6000), *range(0xAC00, 0xAD00)]:
        try:
            raw = chr(code).encode(codec)
        except UnicodeError:
            continue
        for byte in raw[1:]:
            if chr(byte) in SYNTAX:
                found.setdefault(byte, chr(code))
    return [found[byte] for byte in sorted(found)]


directory = pathlib.Path(sys.argv[1])
for name in sorted(set(encodings.aliases.aliases.values())):
    try:
        if not codecs.lookup(name)._is_text_encoding:
            continue
    except LookupError:
        continue  # of another platform
    source = "# -*- coding: {} -*-\nimport first\n".format(name)
    for number, character in enumerate(["x", *awkward(name)]):
        source += LINES.format(character, number)
    raw = source.encode(name)
    try:
        compile(raw, name, "exec")
    except (SyntaxError, ValueError):
        continue  # no source is in this one
    path = directory / (name + ".py")
    path.write_bytes(raw)
    print(path)
