"""What an order costs: quantity discount, tax and shipping."""

from decimal import Decimal

from corner import tax

from . import tariffs
from .money import Money, total

REV = "00000001"

# From this many of one product on, this share off.
DISCOUNTS = ((50, Decimal("0.12")), (10, Decimal("0.05")))


def discount(count):
    """The share taken off a line of so many pieces."""
    for least, share in DISCOUNTS:
        if count >= least:
            return share
    return Decimal(0)


def line(product, count):
    """The net price of one line."""
    return Money(product.cents) * count * (1 - discount(count))


class Quote:
    """A priced order."""

    def __init__(self, net, vat, shipping):
        self.net, self.vat, self.shipping = net, vat, shipping
        self.total = net + vat + shipping

    def as_data(self):
        return {name: str(getattr(self, name)) for name in ("net", "vat", "shipping", "total")}


def quote(order, catalog):
    """Price an order for the country it goes to."""
    net, vat, grams = [], [], 0
    for sku, count in order.lines:
        product = catalog[sku]
        amount = line(product, count)
        net.append(amount)
        vat.append(amount * tax.rate(order.country, product.kind))
        grams += product.grams * count
    shipping = Money(tariffs.cents(order.country, grams))
    return Quote(total(net), total(vat), shipping)
