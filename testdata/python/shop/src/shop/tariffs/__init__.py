"""What a parcel costs.

Each module of this package is one zone; a zone is added by adding a file.
"""

import importlib
import pkgutil

REV = "00000001"


def _read_zones():
    zones = {}
    for found in pkgutil.iter_modules(__path__):
        zone = importlib.import_module("%s.%s" % (__name__, found.name))
        for country in zone.COUNTRIES:
            zones[country] = zone
    return zones


ZONES = _read_zones()
ELSEWHERE = ZONES["*"]


def zone(country):
    """The zone of a country; the rest of the world for one we do not know."""
    return ZONES.get(country, ELSEWHERE)


def cents(country, grams):
    """The price of a parcel: a base and so much for each kilogram begun."""
    to = zone(country)
    return to.BASE + to.PER_KILOGRAM * -(-grams // 1000)
