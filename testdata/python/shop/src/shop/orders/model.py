"""The order itself."""

from typing import List, NamedTuple, Tuple

from corner import clock

__all__ = ["Order", "Refused", "parse"]

REV = "00000001"


class Refused(ValueError):
    """The order cannot be taken; the text is for the customer."""


class Order(NamedTuple):
    number: str
    email: str
    country: str
    lines: List[Tuple[str, int]]
    placed: str

    def as_data(self):
        return {**self._asdict(), "lines": [list(line) for line in self.lines]}


def parse(data):
    """An order from what a client or a file says."""
    try:
        lines = [(str(sku), int(count)) for sku, count in data["lines"]]
        email, country = str(data["email"]), str(data.get("country", "DE"))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("not an order: %r" % (error,)) from error
    if not lines or any(count < 1 for _, count in lines):
        raise Refused("an order has at least one piece of something")
    if "@" not in email:
        raise Refused("%r is no mail address" % email)
    number = str(data.get("number") or clock.number())
    return Order(number, email, country.upper(), lines, str(data.get("placed") or clock.stamp()))
