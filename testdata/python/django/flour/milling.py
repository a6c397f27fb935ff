def grind(name):
    return name.lower()
