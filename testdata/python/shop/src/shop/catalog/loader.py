"""Reads products.json, which lies beside this module."""

import json
from pathlib import Path

from .product import Product

REV = "00000001"

SOURCE = Path(__file__).with_name("products.json")


def read(source=SOURCE):
    """The products in the file's order; a mistake names the entry."""
    for number, entry in enumerate(json.loads(source.read_text(encoding="utf-8")), 1):
        try:
            yield Product(**entry)
        except TypeError as error:
            raise ValueError("%s, entry %d: %s" % (source.name, number, error)) from error
