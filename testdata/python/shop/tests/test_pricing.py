import unittest

from shop import catalog, pricing
from shop.money import CurrencyMismatch, Money, total
from shop.orders import Refused, parse


def order(*lines, country="DE"):
    return parse({"email": "ada@corner.example", "country": country, "lines": lines})


class MoneyTest(unittest.TestCase):
    def test_halves_round_away_from_zero(self):
        self.assertEqual(Money(150) * "0.07", Money(11))
        self.assertEqual(Money(-150) * "0.07", Money(-11))

    def test_currencies_do_not_mix(self):
        with self.assertRaises(CurrencyMismatch):
            Money(1, "EUR") + Money(1, "SEK")

    def test_nothing_adds_up_to_zero(self):
        self.assertEqual(str(total([])), "0.00 EUR")


class PricingTest(unittest.TestCase):
    def test_tax_by_kind_and_shipping_by_kilogram(self):
        priced = pricing.quote(order(("MUG-01", 1), ("BEAN-1", 1)), catalog.load())
        self.assertEqual(
            priced.as_data(),
            {"net": "28.40 EUR", "vat": "3.42 EUR", "shipping": "5.70 EUR", "total": "37.52 EUR"},
        )

    def test_ten_are_cheaper(self):
        self.assertEqual(pricing.line(catalog.load()["FILT-4"], 10), Money(4655))

    def test_exports_carry_no_tax_and_fly(self):
        priced = pricing.quote(order(("BOOK-7", 1), country="jp"), catalog.load())
        self.assertEqual((priced.vat, priced.shipping), (Money(0), Money(2630)))

    def test_an_order_needs_pieces_and_an_address(self):
        for lines, email in (([], "a@b"), ([["MUG-01", 0]], "a@b"), ([["MUG-01", 1]], "ada")):
            with self.subTest(lines=lines, email=email), self.assertRaises(Refused):
                parse({"email": email, "lines": lines})
