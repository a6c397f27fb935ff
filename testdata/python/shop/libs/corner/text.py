"""Text as people type it."""

import re
import unicodedata

REV = "00000001"


def plain(text):
    """Lower case, without accents."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in spread if not unicodedata.combining(char))


def words(text):
    return re.findall(r"\w+", plain(text))


def slug(text):
    return "-".join(words(text))
