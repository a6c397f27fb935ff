"""Everywhere else, by air."""

REV = "00000001"

COUNTRIES = ("*",)
BASE = 1890
PER_KILOGRAM = 740
