"""How long it takes to read a note."""

from web.common.text import words

REV = "00000001"

WORDS_A_MINUTE = 220


def minutes(body):
    """Whole minutes, at least one."""
    return max(1, round(len(words(body)) / WORDS_A_MINUTE))
