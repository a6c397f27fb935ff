"""Amounts of money: whole cents and a currency, never a float."""

from decimal import ROUND_HALF_UP, Decimal

REV = "00000001"


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were put together."""


class Money:
    """An amount in cents."""

    __slots__ = ("cents", "currency")

    def __init__(self, cents, currency="EUR"):
        self.cents = int(cents)
        self.currency = currency

    def _same(self, other):
        if self.currency != other.currency:
            raise CurrencyMismatch("%s and %s" % (self.currency, other.currency))
        return other.cents

    def __add__(self, other):
        return Money(self.cents + self._same(other), self.currency)

    def __sub__(self, other):
        return Money(self.cents - self._same(other), self.currency)

    def __mul__(self, factor):
        """Multiply by a count or a Decimal; halves round away from zero."""
        exact = Decimal(self.cents) * Decimal(factor)
        return Money(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP), self.currency)

    def __eq__(self, other):
        if not isinstance(other, Money):
            return NotImplemented
        return (self.cents, self.currency) == (other.cents, other.currency)

    def __lt__(self, other):
        return self.cents < self._same(other)

    def __hash__(self):
        return hash((self.cents, self.currency))

    def __str__(self):
        sign = "-" if self.cents < 0 else ""
        return "%s%d.%02d %s" % (sign, abs(self.cents) // 100, abs(self.cents) % 100, self.currency)

    def __repr__(self):
        return "Money(%d, %r)" % (self.cents, self.currency)


def total(amounts, currency="EUR"):
    """The sum; zero of the currency when there is nothing to add."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result
