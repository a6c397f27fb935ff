def f(a, b=1, *, c: "int" = 2):
    return f"{a!r} {b}"
