def clean(names):
    return sorted(set(names))
