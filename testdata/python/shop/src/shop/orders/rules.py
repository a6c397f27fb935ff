"""Which orders we take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from .model import Refused

if TYPE_CHECKING:
    from shop.reports.daily import DailyReport
    from shop.stock import Stock

REV = "00000001"

MOST_PIECES = 200


def check(order, stock: Stock, today: Optional[DailyReport] = None):
    """Raise Refused when the order is more than we can or want to send."""
    if sum(count for _, count in order.lines) > MOST_PIECES:
        raise Refused("at most %d pieces; write to sales for more" % MOST_PIECES)
    for sku, count in order.lines:
        left = stock.left(sku)
        if count > left:
            raise Refused("%s: %d asked for, %d left" % (sku, count, left))
    if today is not None and today.orders_of(order.email) >= 20:
        raise Refused("that is enough for one day")
