"""Text, as all three see it."""

import re

REV = "00000001"


def words(text):
    return re.findall(r"\w+", text.casefold())


def summary(text, most=60):
    """The first words of a text, at most so many characters of them."""
    flat = " ".join(text.split())
    if len(flat) <= most:
        return flat
    return flat[: flat.rfind(" ", 0, most) if " " in flat[:most] else most] + " ..."
