"""Tells a customer that the order has arrived, and what it costs."""

from shop import catalog, pricing
from shop.mail import Outbox, render
from shop.orders import OrderStore

REV = "00000001"


def handle(data, number):
    order = OrderStore(data / "orders").get(number)
    if order is None:
        raise LookupError("no order %s" % number)
    products = catalog.load()
    priced = pricing.quote(order, products)
    lines = ["%4d x %s" % (count, products[sku].title) for sku, count in order.lines]
    subject, text = render("confirm", number=number, lines="\n".join(lines), **priced.as_data())
    Outbox(data / "outbox").send(order.email, subject, text)
