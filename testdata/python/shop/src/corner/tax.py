"""Value-added tax. Our company's namespace package: this part is the shop's own."""

from decimal import Decimal

REV = "00000001"

STANDARD = {"DE": "0.19", "AT": "0.20", "FR": "0.20", "IT": "0.22", "NL": "0.21", "PL": "0.23"}
REDUCED = {"DE": "0.07", "AT": "0.10", "FR": "0.055", "IT": "0.04", "NL": "0.09", "PL": "0.05"}


def rate(country, kind):
    """The rate for goods of a kind; exports carry none."""
    table = REDUCED if kind in ("food", "book") else STANDARD
    return Decimal(table.get(country, "0"))
