"""How many pieces of each product are left."""

import json

from . import catalog, settings

REV = "00000001"

# Pieces of a product that nobody has counted yet, and the level to reorder at.
UNCOUNTED = 40
LOW = 12


class Stock:
    """Counts what was delivered and what was sold."""

    def __init__(self, orders, counted=None):
        self._left = {sku: UNCOUNTED for sku in catalog.load()}
        self._left.update(counted or {})
        for order in orders:
            for sku, count in order.lines:
                self._left[sku] = self._left.get(sku, 0) - count

    def left(self, sku):
        return max(0, self._left.get(sku, 0))

    def low(self):
        """The products to reorder, scarcest first."""
        scarce = [(count, sku) for sku, count in self._left.items() if count <= LOW]
        return [sku for _, sku in sorted(scarce)]


def counted():
    """The last stocktaking; nothing when there was none."""
    source = settings.DATA / "stock.json"
    return json.loads(source.read_text(encoding="utf-8")) if source.exists() else {}
