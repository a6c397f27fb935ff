"""One product."""

from typing import NamedTuple

REV = "00000001"


class Product(NamedTuple):
    """What we sell. Prices are net, in cents."""

    sku: str
    name: str
    kind: str
    cents: int
    grams: int

    @property
    def title(self):
        return "%s (%s)" % (self.name, self.sku)
