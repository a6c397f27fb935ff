"""Which words say most: frequent and long ones."""

from collections import Counter

REV = "00000001"

SHORTEST = 4


def score(words):
    return {word: count * len(word) for word, count in Counter(words).items() if len(word) >= SHORTEST}
