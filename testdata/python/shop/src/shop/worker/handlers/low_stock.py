"""Tells the buyers what to reorder."""

from shop import catalog
from shop.mail import Outbox, render

REV = "00000001"

BUYERS = "buyers@corner.example"


def handle(data, skus):
    products = catalog.load()
    names = [products[sku].title for sku in skus if sku in products]
    subject, text = render("low_stock", count=len(names), products="\n".join(names))
    Outbox(data / "outbox").send(BUYERS, subject, text)
