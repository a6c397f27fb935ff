"""Our neighbours and theirs."""

REV = "00000001"

COUNTRIES = ("AT", "BE", "CZ", "DK", "ES", "FR", "IT", "NL", "PL", "SE")
BASE = 790
PER_KILOGRAM = 210
