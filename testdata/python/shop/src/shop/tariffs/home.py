"""Inland parcels."""

REV = "00000001"

COUNTRIES = ("DE",)
BASE = 390
PER_KILOGRAM = 90
