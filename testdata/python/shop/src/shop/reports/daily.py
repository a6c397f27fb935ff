"""The day in numbers."""

from collections import Counter

REV = "00000001"


class DailyReport:
    def __init__(self, orders, day):
        self.day = day
        self._orders = [order for order in orders if order.placed.startswith(day)]

    def orders_of(self, email):
        return sum(order.email == email for order in self._orders)

    def as_data(self):
        pieces = Counter()
        for order in self._orders:
            for sku, count in order.lines:
                pieces[sku] += count
        countries = Counter(order.country for order in self._orders)
        return {
            "day": self.day,
            "orders": len(self._orders),
            "pieces": dict(pieces.most_common()),
            "countries": dict(countries.most_common()),
        }
