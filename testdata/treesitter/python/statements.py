"""Prints the import statements of each file named on standard input as ast sees
them: one JSON list a line, of [line, kind, level, module, [[name, asname]...],
in a function, under TYPE_CHECKING]; null where ast cannot parse the file."""

import ast
import json
import sys
import warnings

warnings.simplefilter("ignore")
sys.setrecursionlimit(100_000)


def typing_test(test):
    if isinstance(test, ast.Name):
        return test.id == "TYPE_CHECKING"
    return isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"


def statements(source):
    found = []
    todo = [(ast.parse(source), False, False)]
    while todo:
        node, function, typing = todo.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [[a.name, a.asname or ""] for a in node.names]
            kind, level, module = "import", 0, ""
            if isinstance(node, ast.ImportFrom):
                kind, level, module = "from", node.level, node.module or ""
            if names == [["*", ""]]:
                kind, names = "star", []
            at = node.lineno, node.col_offset
            found.append((at, [node.lineno, kind, level, module, names, function, typing]))
        elif isinstance(node, ast.If):
            # An elif, which ast shows as an if in orelse, counts as code that
            # may run whatever its test is.
            is_elif = getattr(node, "is_elif", False)
            inside = typing or (typing_test(node.test) and not is_elif)
            for n in node.orelse:
                if isinstance(n, ast.If) and n.col_offset == node.col_offset:
                    n.is_elif = True
            todo += [(n, function, inside) for n in node.body]
            todo += [(n, function, typing) for n in node.orelse]
        else:
            inner = function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            todo += [(n, inner, typing) for n in ast.iter_child_nodes(node) if not isinstance(n, ast.expr)]
    return [s for _, s in sorted(found, key=lambda f: f[0])]


sys.stdout.reconfigure(encoding="utf-8")
for name in sys.stdin.buffer:
    try:
        with open(name.rstrip(b"\n"), "rb") as f:
            result = statements(f.read())
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
        result = None
    print(json.dumps(result, ensure_ascii=False, separators=(",", ":")))
